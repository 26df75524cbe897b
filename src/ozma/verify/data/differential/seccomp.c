/* System call filters. The process may load the module and fork; a call under test may use memory,
   write to its output and read its empty input. Every other system call fails with EPERM. */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#else
#define MACHINE AUDIT_ARCH_AARCH64
#endif
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define GIVE(action) BPF_STMT(BPF_RET | BPF_K, action)
#define ALLOW(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), GIVE(SECCOMP_RET_ALLOW)
#define ALLOW_IF(number, argument, test, operand)                                                 \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4), LOAD(args[argument]),                        \
      BPF_JUMP(BPF_JMP | test | BPF_K, operand, 0, 1), GIVE(SECCOMP_RET_ALLOW), LOAD(nr)
#define START                                                                                     \
  LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0), GIVE(SECCOMP_RET_KILL), LOAD(nr)
#define MEMORY_AND_SIGNALS                                                                        \
  ALLOW(SYS_mmap), ALLOW(SYS_munmap), ALLOW(SYS_mprotect), ALLOW(SYS_madvise), ALLOW(SYS_brk),    \
      ALLOW(SYS_mremap), ALLOW(SYS_rt_sigaction), ALLOW(SYS_rt_sigprocmask),                      \
      ALLOW(SYS_rt_sigreturn), ALLOW(SYS_sigaltstack), ALLOW(SYS_setitimer), ALLOW(SYS_exit),     \
      ALLOW(SYS_exit_group), ALLOW(SYS_lseek), ALLOW(SYS_ftruncate), ALLOW(SYS_pread64),          \
      ALLOW(SYS_fstat), ALLOW(SYS_newfstatat), ALLOW(SYS_futex), ALLOW(SYS_write),                \
      ALLOW(SYS_writev)

static int install(struct sock_filter *filter, size_t count) {
#ifdef EMULATED
  return 0;
#endif
  struct sock_fprog program = {(unsigned short)count, filter};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int restrict_process(void) {
  struct sock_filter filter[] = {
      START,
      MEMORY_AND_SIGNALS,
      ALLOW(SYS_read),
      ALLOW(SYS_close),
      ALLOW(SYS_clone),
      ALLOW(SYS_wait4),
      ALLOW(SYS_prctl),
      ALLOW(SYS_set_robust_list),
      ALLOW(SYS_getpid),
      ALLOW(SYS_gettid),
      ALLOW(SYS_getrandom),
#ifdef SYS_readlink
      ALLOW(SYS_readlink),
      ALLOW(SYS_access),
#endif
      ALLOW_IF(SYS_openat, 2, BPF_JEQ, O_RDONLY | O_CLOEXEC),
      GIVE(SECCOMP_RET_ERRNO | EPERM),
  };
  return install(filter, sizeof filter / sizeof *filter);
}

int restrict_call(void) {
  struct sock_filter filter[] = {
      START,
      MEMORY_AND_SIGNALS,
      ALLOW_IF(SYS_read, 0, BPF_JEQ, 0),
      GIVE(SECCOMP_RET_ERRNO | EPERM),
  };
  return install(filter, sizeof filter / sizeof *filter);
}
