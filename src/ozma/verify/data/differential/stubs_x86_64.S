/* One entry point per undefined function, 16 bytes apart: ozma_stubs + 16 * index. Each hands its
   index and the argument registers to the runner's ozma_external. */
  .text
  .globl ozma_stubs
  .p2align 4
ozma_stubs:
  .set index, 0
  .rept 1024
  .p2align 4
  pushq $index
  jmp common
  .set index, index + 1
  .endr
common:
  subq $128, %rsp
  movq %rdi, 0(%rsp)
  movq %rsi, 8(%rsp)
  movq %rdx, 16(%rsp)
  movq %rcx, 24(%rsp)
  movq %r8, 32(%rsp)
  movq %r9, 40(%rsp)
  movq %xmm0, 48(%rsp)
  movq %xmm1, 56(%rsp)
  movq %xmm2, 64(%rsp)
  movq %xmm3, 72(%rsp)
  movq %xmm4, 80(%rsp)
  movq %xmm5, 88(%rsp)
  movq %xmm6, 96(%rsp)
  movq %xmm7, 104(%rsp)
  movq 128(%rsp), %rdi
  movq %rsp, %rsi
  leaq 48(%rsp), %rdx
  call *ozma_external@GOTPCREL(%rip)
  movq %rax, %xmm0
  addq $136, %rsp
  ret
/* What registers destructors takes the address of this; every shared object has its own. */
  .data
  .globl __dso_handle
  .hidden __dso_handle
__dso_handle:
  .quad 0
  .section .note.GNU-stack,"",@progbits
