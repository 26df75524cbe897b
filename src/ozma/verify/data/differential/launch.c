/* Starts a command with limits: argv: memory_bytes cpu_seconds file_bytes processes command...
   Ends with its parent, is nobody where it was root, has the same addresses in each run. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { COMMAND = 5, NOBODY = 65534 };

static void limit(int resource, const char *text) {
  rlim_t value = strtoull(text, NULL, 10);
  struct rlimit both = {value, value};
  if (value)
    setrlimit(resource, &both);
}

int main(int argc, char **argv) {
  static const struct rlimit none;
  if (argc <= COMMAND)
    return 125;
  if (geteuid() == 0 && (setgid(NOBODY) || setuid(NOBODY)))
    return 125;
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* after setuid, which clears it */
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  personality(ADDR_NO_RANDOMIZE);
  setrlimit(RLIMIT_CORE, &none);
  limit(RLIMIT_AS, argv[1]);
  limit(RLIMIT_CPU, argv[2]);
  limit(RLIMIT_FSIZE, argv[3]);
  limit(RLIMIT_NPROC, argv[4]);
  execv(argv[COMMAND], argv + COMMAND);
  perror(argv[COMMAND]);
  return 126;
}
