/* Control flow that no structured loop describes: jumps into loops, a table of labels. */
#include <stdio.h>
volatile int zero;
__attribute__((noinline)) static int jump_in(int n, int steps) {
  int trace = 0;
  switch (n) {
    while (steps > 0) {
    case 0: trace = trace * 3 + 1; steps--;
    case 1: trace = trace * 3 + 2; steps--;
      if (steps == 4) goto two;
    }
    break;
  case 2: two: trace = trace * 5 + 3; steps -= 2;
    if (steps > 0) goto one;
    break;
  one:
  default: trace += 7;
    if (--steps > 1) goto two;
  }
  return trace;
}
__attribute__((noinline)) static int interpret(const unsigned char *code) {
  static void *const labels[] = {&&push, &&add, &&twice, &&stop};
  int value = 0;
  goto *labels[*code++];
push: value += *code++; goto *labels[*code++];
add: value += 5; goto *labels[*code++];
twice: value *= 2; goto *labels[*code++];
stop: return value;
}
int main(void) {
  static const unsigned char code[] = {0, 9, 1, 2, 2, 0, 3, 1, 3};
  int z = zero;
  if (interpret(code) != 64)
    return 1;
  unsigned hash = 0;
  for (int n = 0; n < 4; n++)
    for (int steps = 1; steps < 9; steps++)
      hash = hash * 31 + (unsigned)(jump_in(n + z, steps) % 1009);
  printf("%u\n", hash);
  return 0;
}
