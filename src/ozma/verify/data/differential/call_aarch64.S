/* void ozma_call(function, integers[8], floats[8], stack, stack_words, registers[4])
   AAPCS64: arguments in x0 to x7 and v0 to v7, the rest on the stack; registers[0] holds the
   address for a result in memory (x8) before the call; results in x0, x1, d0, d1. */
  .text
  .globl ozma_call
  .type ozma_call, %function
ozma_call:
  stp x29, x30, [sp, #-48]!
  mov x29, sp
  stp x19, x20, [sp, #16]
  mov x19, x5
  mov x16, x0
  mov x9, x1
  add x10, x4, #1
  and x10, x10, #-2
  sub sp, sp, x10, lsl #3
  mov x11, #0
1:
  cmp x11, x4
  b.hs 2f
  ldr x12, [x3, x11, lsl #3]
  str x12, [sp, x11, lsl #3]
  add x11, x11, #1
  b 1b
2:
  ldp d0, d1, [x2]
  ldp d2, d3, [x2, #16]
  ldp d4, d5, [x2, #32]
  ldp d6, d7, [x2, #48]
  ldr x8, [x19]
  ldp x0, x1, [x9]
  ldp x2, x3, [x9, #16]
  ldp x4, x5, [x9, #32]
  ldp x6, x7, [x9, #48]
  blr x16
  stp x0, x1, [x19]
  stp d0, d1, [x19, #16]
  mov sp, x29
  ldp x19, x20, [sp, #16]
  ldp x29, x30, [sp], #48
  ret
  .section .note.GNU-stack,"",%progbits
