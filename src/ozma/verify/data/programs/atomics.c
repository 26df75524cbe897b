/* A signal handler and the program count together: an addition that is not atomic loses some.
   On x86-64 a signal comes after each instruction, elsewhere from a timer. */
#include <signal.h>
#include <stddef.h>
#include <sys/time.h>
enum { SIGNALS = 600 };
static unsigned shared, seen;
static volatile sig_atomic_t signals;
static void on_signal(int signal) {
  (void)signal;
  __atomic_fetch_add(&shared, 1, __ATOMIC_SEQ_CST);
  signals++;
}
#ifdef __x86_64__
enum { INTERRUPT = SIGTRAP };
static void start(void) {
  __asm__ volatile("pushfq\n\torq $256, (%%rsp)\n\tpopfq" ::: "memory", "cc");
}
static void stop(void) {
  __asm__ volatile("pushfq\n\tandq $-257, (%%rsp)\n\tpopfq" ::: "memory", "cc");
}
#else
enum { INTERRUPT = SIGALRM };
static void start(void) {
  struct itimerval interval = {{0, 100}, {0, 100}};
  setitimer(ITIMER_REAL, &interval, NULL);
}
static void stop(void) {
  struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, NULL);
}
#endif
int main(void) {
  struct sigaction action = {.sa_handler = on_signal};
  unsigned own = 0;
  sigaction(INTERRUPT, &action, NULL);
  start();
  for (; signals < SIGNALS; own++)
    seen ^= __atomic_fetch_add(&shared, 1, __ATOMIC_SEQ_CST);
  stop();
  return shared == own + (unsigned)signals ? 0 : 1;
}
