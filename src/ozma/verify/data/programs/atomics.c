/* A signal handler and the program count together: an addition that is not atomic loses some. */
#include <signal.h>
#include <stddef.h>
#include <sys/time.h>
static unsigned shared, seen;
static volatile sig_atomic_t signals;
static void on_alarm(int signal) {
  (void)signal;
  __atomic_fetch_add(&shared, 1, __ATOMIC_SEQ_CST);
  signals++;
}
int main(void) {
  struct sigaction action = {.sa_handler = on_alarm};
  struct itimerval interval = {{0, 200}, {0, 200}};
  unsigned own = 0;
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &interval, NULL);
  for (; signals < 60; own++)
    seen ^= __atomic_fetch_add(&shared, 1, __ATOMIC_SEQ_CST);
  sigset_t block;
  sigemptyset(&block);
  sigaddset(&block, SIGALRM);
  sigprocmask(SIG_BLOCK, &block, NULL);
  return shared == own + (unsigned)signals ? 0 : 1;
}
