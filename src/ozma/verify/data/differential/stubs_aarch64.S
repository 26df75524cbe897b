/* One entry point per undefined function, 16 bytes apart: ozma_stubs + 16 * index. Each hands its
   index and the argument registers to the runner's ozma_external. */
  .text
  .globl ozma_stubs
  .p2align 4
ozma_stubs:
  .set index, 0
  .rept 1024
  .p2align 4
  mov w16, #index
  b common
  .set index, index + 1
  .endr
common:
  stp x29, x30, [sp, #-16]!
  sub sp, sp, #128
  stp x0, x1, [sp]
  stp x2, x3, [sp, #16]
  stp x4, x5, [sp, #32]
  stp x6, x7, [sp, #48]
  stp d0, d1, [sp, #64]
  stp d2, d3, [sp, #80]
  stp d4, d5, [sp, #96]
  stp d6, d7, [sp, #112]
  mov w0, w16
  mov x1, sp
  add x2, sp, #64
  adrp x17, :got:ozma_external
  ldr x17, [x17, :got_lo12:ozma_external]
  blr x17
  fmov d0, x0
  add sp, sp, #128
  ldp x29, x30, [sp], #16
  ret
/* What registers destructors takes the address of this; every shared object has its own. */
  .data
  .globl __dso_handle
  .hidden __dso_handle
__dso_handle:
  .quad 0
  .section .note.GNU-stack,"",%progbits
