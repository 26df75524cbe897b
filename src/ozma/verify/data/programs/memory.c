/* Loads, stores and copies that may or may not overlap; variable arguments; jumps out of calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static jmp_buf back;
static int sum(int count, ...) {
  va_list list, copy;
  va_start(list, count);
  va_copy(copy, list);
  int total = 0;
  for (int i = 0; i < count; i++)
    total += i % 2 ? (int)va_arg(list, double) : va_arg(list, int);
  total = total * 2 - va_arg(copy, int);
  va_end(copy);
  va_end(list);
  return total;
}
__attribute__((noinline)) static void shift(int *to, const int *from, int count) {
  for (int i = 0; i < count; i++)
    to[i] = from[i] + 1;
}
__attribute__((noinline)) static int aliased(int *a, int *b) {
  *a = 1;
  *b = 2;
  return *a;
}
__attribute__((noinline)) static void deep(int n) {
  if (n == 0)
    longjmp(back, 5);
  deep(n - 1);
}
struct Node { struct Node *next; int value; };
int main(void) {
  int a[32];
  unsigned x = 0;
  for (int i = 0; i < 32; i++) a[i] = i * i;
  shift(a + 1, a, 31);
  memmove(a + 4, a, 20 * sizeof *a);
  for (int i = 0; i < 32; i++) x = x * 7 + (unsigned)a[i];
  printf("%u %d %d\n", x, aliased(&a[3], &a[3]), aliased(&a[3], &a[4]));
  printf("%d\n", sum(4, 10, 2.5, 30, 4.0));
  volatile int tries = 0;
  int code = setjmp(back);
  if (code == 0 || tries < 3) {
    tries++;
    deep(tries);
  }
  printf("%d %d\n", code, tries);
  struct Node *list = NULL;
  for (int i = 0; i < 10; i++) {
    struct Node *node = malloc(sizeof *node);
    *node = (struct Node){list, i};
    list = node;
  }
  char text[40] = "";
  for (; list; list = list->next)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%d,", list->value);
  puts(text);
  return strcmp(text, "9,8,7,6,5,4,3,2,1,0,");
}
