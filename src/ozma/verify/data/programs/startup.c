/* Constructors by priority, thread-local variables, aliases, a function that is called only by name. */
#include <stdio.h>
#include <stdlib.h>
static int order;
__attribute__((constructor(300))) static void second(void) { order = order * 10 + 2; }
__attribute__((constructor(200))) static void first(void) { order = order * 10 + 1; }
_Thread_local int counter = 40;
int real(int n) { return n + counter; }
int other(int n) __attribute__((alias("real")));
static void at_end(void) { printf("end %d\n", counter); }
__attribute__((used)) static int kept = 9;
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int main(void) {
  int values[] = {5, 3, 9, 1};
  atexit(at_end);
  counter++;
  qsort(values, 4, sizeof *values, compare);
  printf("%d %d %d%d%d%d %d\n", order, other(1), values[0], values[1], values[2], values[3], kept);
  return order != 12;
}
