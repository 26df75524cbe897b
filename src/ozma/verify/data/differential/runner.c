/* Calls the functions of one build of a module with the inputs of a plan and writes what each call
   did. The calls of a function run in one child; a call that ends the child costs a fork.
   argv: module.so plan results stack_fill milliseconds fresh lazy
   fresh: a child per call; lazy: lazy pointers get a buffer when they are followed. */
#define _GNU_SOURCE
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { RETRY = 1, FAULTED, NO_FILTER = 4 };
enum { STACK_FILL = 1 << 16, ALTERNATE_STACK = 1 << 16, TIMEOUTS_PER_FUNCTION = 2, WALL_FACTOR = 4 };

struct plan plan;
struct shared *shared;
struct plan_call *call_now;
unsigned char stack_fill;
static sigjmp_buf retry;
static int fresh, lazy, milliseconds;

/* Ends the call from inside the code under test. */
void end_call(uint32_t status, uint32_t code) {
  static const uint64_t none[4];
  if (!call_now || call_now != &plan.calls[shared->current])
    leave(3); /* a constructor or a prelude */
  observe(status, code, none);
  leave(0);
}

void exit(int code) {
  end_call(EXITED, (uint32_t)code & 255);
}
void _exit(int code) {
  end_call(EXITED, (uint32_t)code & 255);
}
void _Exit(int code) {
  end_call(EXITED, (uint32_t)code & 255);
}
void abort(void) {
  end_call(ABORTED, 0);
}
void __assert_fail(const char *text, const char *file, unsigned line, const char *function) {
  (void)text, (void)file, (void)function;
  end_call(ABORTED, line);
}

static uint64_t interrupted_at(const void *context) {
  const ucontext_t *state = context;
#if defined(__x86_64__)
  return (uint64_t)state->uc_mcontext.gregs[REG_RIP];
#else
  return state->uc_mcontext.pc;
#endif
}

static void on_signal(int number, siginfo_t *info, void *context) {
  uint32_t slot;
  if (!call_now)
    leave(3);
  if (lazy && number == SIGSEGV && lazy_slot((uintptr_t)info->si_addr, &slot) &&
      apply_patch(call_now, slot))
    siglongjmp(retry, RETRY);
  shared->status = number == SIGPROF || number == SIGALRM ? TIMED_OUT : SIGNALLED;
  shared->code = (uint32_t)number;
  if (!fresh && in_module(interrupted_at(context)))
    siglongjmp(retry, FAULTED); /* the C library was not at work: this child can go on */
  leave(1);
}

static void install_handlers(void) {
  static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGPROF, SIGALRM};
  static char alternate[ALTERNATE_STACK];
  stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
  struct sigaction action = {.sa_sigaction = on_signal,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  sigaltstack(&stack, NULL);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; ++i)
    sigaction(numbers[i], &action, NULL);
}

/* Processor time is what counts; the wall clock, a lot later, ends a call that waits for ever. */
static void set_timers(int length) {
  struct itimerval timer = {.it_value = {length / 1000, length % 1000 * 1000}};
  setitimer(ITIMER_PROF, &timer, NULL);
  timer.it_value.tv_sec = length ? length * WALL_FACTOR / 1000 + 1 : 0;
  timer.it_value.tv_usec = 0;
  setitimer(ITIMER_REAL, &timer, NULL);
}

__attribute__((noinline)) static void fill_stack(void) {
  volatile unsigned char room[STACK_FILL];
  memset((void *)room, stack_fill, sizeof room);
  __asm__ volatile("" ::"r"(room) : "memory");
}

/* A word of the plan that stands for an open file becomes one. */
static uint64_t argument(uint64_t word) {
  if (word >> 32 != FILE_MARK)
    return word;
  return (uintptr_t)(word & 1 ? stdout : stdin);
}

static void perform(struct plan_call *call, uint64_t registers[4]) {
  uint64_t integers[8];
  call_now = call;
  fill_buffers(call);
  external_reset();
  files_reset(plan.pages[call->input]);
  fesetenv(FE_DFL_ENV);
  for (unsigned i = 0; i < 8; ++i)
    integers[i] = argument(call->integers[i]);
  registers[0] = call->indirect;
  fill_stack();
  errno = 0;
  set_timers(milliseconds);
  ozma_call(function_address(call->function), integers, call->floats, call->stack,
            call->stack_words, registers);
  set_timers(0);
}

static void run_call(struct plan_call *call) {
  uint64_t registers[4];
  if (sigsetjmp(retry, 0) == FAULTED) {
    set_timers(0);
    observe_death(call, shared->status, shared->code);
    shared->timeouts += shared->status == TIMED_OUT;
    return;
  }
  restore_module();
  heap_reset();
  if (call->prelude)
    perform(&plan.calls[call->prelude - 1], registers);
  perform(call, registers);
  observe(RETURNED, 0, registers);
}

__attribute__((noreturn)) static void run_child(uint32_t first, uint32_t last) {
  if (restrict_call())
    leave(NO_FILTER);
  for (uint32_t i = first; i < last && shared->timeouts < TIMEOUTS_PER_FUNCTION; ++i) {
    shared->current = i;
    shared->status = LOST;
    run_call(&plan.calls[i]);
  }
  leave(0);
}

static int wait_child(uint32_t first, uint32_t last) {
  int status;
  pid_t child = fork();
  if (child == 0)
    run_child(first, last);
  if (child < 0 || waitpid(child, &status, 0) != child)
    leave(3);
  if (WIFSIGNALED(status) && shared->status == LOST) {
    shared->status = WTERMSIG(status) == SIGKILL ? LOST : SIGNALLED;
    shared->code = (uint32_t)WTERMSIG(status);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* The calls `first` to `last` are all of one function. */
static void run_function(uint32_t first, uint32_t last) {
  shared->timeouts = 0;
  while (first < last) {
    shared->current = first;
    if (shared->timeouts >= TIMEOUTS_PER_FUNCTION || !function_address(plan.calls[first].function)) {
      observe_death(&plan.calls[first++], shared->timeouts ? TIMED_OUT : ABSENT, 0);
      continue;
    }
    if (wait_child(first, fresh ? first + 1 : last) == NO_FILTER)
      leave(NO_FILTER);
    if (shared->done <= shared->current) {
      shared->timeouts += shared->status == TIMED_OUT;
      observe_death(&plan.calls[shared->current], shared->status, shared->code);
    }
    first = shared->done;
  }
}

static int open_file(const char *path, int flags) {
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
}

static void read_plan(const char *path) {
  struct stat information;
  int file = open_file(path, O_RDONLY);
  if (file < 0 || fstat(file, &information))
    leave(2);
  char *at = mmap(NULL, (size_t)information.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  if (at == MAP_FAILED)
    leave(2);
  plan.header = (void *)at;
  plan.functions = (void *)(at += sizeof *plan.header);
  plan.externals = (void *)(at += plan.header->functions * sizeof *plan.functions);
  plan.globals = (void *)(at += plan.header->externals * sizeof *plan.externals);
  plan.pages = (void *)(at += plan.header->globals * sizeof *plan.globals);
  plan.calls = (void *)(at += plan.header->pages * sizeof *plan.pages);
  plan.strings = at + (plan.header->calls + plan.header->preludes) * sizeof *plan.calls;
}

int main(int argc, char **argv) {
  if (argc != 8)
    leave(2);
  int results = open_file(argv[3], O_WRONLY | O_CREAT | O_APPEND);
  stack_fill = (unsigned char)atoi(argv[4]);
  milliseconds = atoi(argv[5]);
  fresh = atoi(argv[6]);
  lazy = atoi(argv[7]);
  read_plan(argv[2]);
  shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  map_buffers();
  observe_start(results);
  install_handlers();
  int messages = dup(2);
  files_start();
  if (restrict_process())
    leave(NO_FILTER);
  load_module(argv[1], messages);
  heap_start();
  for (uint32_t first = 0, last; first < plan.header->calls; first = last) {
    for (last = first; last < plan.header->calls &&
                       plan.calls[last].function == plan.calls[first].function; ++last)
      continue;
    run_function(first, last);
  }
  leave(0);
}
