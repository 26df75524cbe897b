/* Runs many test programs that were linked into one executable, each in a child of its own.
   argv: first test, number of tests, soft CPU limit in seconds, number of hanging tests after which
   the others are not run. One line per test on descriptor 1: index, wait status, checksum and length of its
   standard output, milliseconds. A last line "stopped" if tests were left out. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef void (*constructor)(int, char **, char **);
struct test {
  int (*main)(int, char **, char **);
  constructor *first, *last;   /* .init_array: first to last */
  constructor *bottom, *top;   /* .ctors: last to first */
};
extern const struct test ozma_tests[];
extern char **environ;

enum { OUTPUT_LIMIT = 1 << 20, PROCESS_LIMIT = 1024, NOBODY = 65534, WALL_FACTOR = 20 };
static volatile pid_t running;

static void on_alarm(int signal) {
  (void)signal;
  if (running > 0)
    kill(running, SIGKILL);
}

static void limit(int resource, rlim_t soft, rlim_t hard) {
  struct rlimit value = {soft, hard};
  setrlimit(resource, &value);
}

static void run_test(const struct test *test, int output, unsigned cpu) {
  char *argv[] = {(char *)"test", NULL};
  setpgid(0, 0);
  signal(SIGALRM, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int null = open("/dev/null", O_RDWR);
  dup2(null, 0);
  dup2(null, 2);
  dup2(output, 1);
  close(null);
  close(output);
  limit(RLIMIT_CPU, cpu, cpu + 1);
  limit(RLIMIT_FSIZE, OUTPUT_LIMIT, OUTPUT_LIMIT);
  limit(RLIMIT_CORE, 0, 0);
  limit(RLIMIT_NPROC, PROCESS_LIMIT, PROCESS_LIMIT);
  for (constructor *call = test->first; call < test->last; ++call)
    (*call)(1, argv, environ);
  for (constructor *call = test->top; call > test->bottom;)
    (*--call)(1, argv, environ);
  exit(test->main(1, argv, environ));
}

static uint64_t checksum(int file, long *length) {
  static unsigned char buffer[65536];
  uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
  ssize_t got;
  *length = 0;
  while ((got = pread(file, buffer, sizeof buffer, *length)) > 0) {
    for (ssize_t i = 0; i < got; ++i)
      hash = (hash ^ buffer[i]) * 0x100000001b3u;
    *length += got;
  }
  return hash;
}

static long milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int wait_for(pid_t child, unsigned wall) {
  int status;
  running = child;
  alarm(wall);
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return -1;
  alarm(0);
  running = 0;
  kill(-child, SIGKILL); /* whatever the test left behind */
  while (waitpid(-1, NULL, WNOHANG) > 0)
    continue;
  return status;
}

static void report(unsigned index, int status, int output, long start) {
  char line[96];
  long length;
  uint64_t hash = checksum(output, &length);
  int size = snprintf(line, sizeof line, "%u %d %016llx %ld %ld\n", index, status,
                      (unsigned long long)hash, length, milliseconds() - start);
  if (write(1, line, (size_t)size) != size)
    exit(1);
}

static void drop_privileges(void) {
  if (geteuid() == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) != 0)
    exit(2);
}

int main(int argc, char **argv) {
  unsigned first = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
  unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
  unsigned cpu = argc > 3 ? (unsigned)atoi(argv[3]) : 10;
  FILE *file = tmpfile();
  if (!file)
    return 2;
  int output = fileno(file);
  drop_privileges();
  int hangs = argc > 4 ? atoi(argv[4]) : 10;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct sigaction action = {.sa_handler = on_alarm};
  sigaction(SIGALRM, &action, NULL);
  for (unsigned index = first; index < count; ++index) {
    if (hangs <= 0)
      return write(1, "stopped\n", 8) != 8;
    long start = milliseconds();
    if (ftruncate(output, 0) || lseek(output, 0, SEEK_SET))
      return 2;
    pid_t child = fork();
    if (child < 0)
      return 3;
    if (child == 0)
      run_test(&ozma_tests[index], output, cpu);
    setpgid(child, child);
    int status = wait_for(child, cpu * WALL_FACTOR);
    hangs -= WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL);
    report(index, status, output, start);
  }
  return 0;
}
