/* void ozma_call(function, integers[6], floats[8], stack, stack_words, registers[4])
   System V AMD64 ABI: arguments in six integer and eight vector registers, the rest on the stack;
   results in rax, rdx, xmm0, xmm1. */
  .text
  .globl ozma_call
ozma_call:
  pushq %rbp
  movq %rsp, %rbp
  pushq %rbx
  pushq %r12
  movq %r9, %rbx
  movq %rdi, %r11
  movq %rsi, %r10
  leaq 1(%r8), %rax
  andq $-2, %rax
  shlq $3, %rax
  subq %rax, %rsp
  xorl %eax, %eax
1:
  cmpq %r8, %rax
  jae 2f
  movq (%rcx,%rax,8), %r12
  movq %r12, (%rsp,%rax,8)
  incq %rax
  jmp 1b
2:
  movq 0(%rdx), %xmm0
  movq 8(%rdx), %xmm1
  movq 16(%rdx), %xmm2
  movq 24(%rdx), %xmm3
  movq 32(%rdx), %xmm4
  movq 40(%rdx), %xmm5
  movq 48(%rdx), %xmm6
  movq 56(%rdx), %xmm7
  movq 0(%r10), %rdi
  movq 8(%r10), %rsi
  movq 16(%r10), %rdx
  movq 24(%r10), %rcx
  movq 32(%r10), %r8
  movq 40(%r10), %r9
  movl $8, %eax
  call *%r11
  movq %rax, 0(%rbx)
  movq %rdx, 8(%rbx)
  movq %xmm0, 16(%rbx)
  movq %xmm1, 24(%rbx)
  leaq -16(%rbp), %rsp
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .section .note.GNU-stack,"",@progbits
