/* The files of the code under test: standard input is a text of the plan, output and errors are
   collected, and opening a file gives one of the two. Nothing outside of this process is touched. */
#define _GNU_SOURCE
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { OUTPUT_BYTES = 1 << 16 };
static int opened;

static void replace(int descriptor, const char *name) {
  int file = memfd_create(name, 0);
  dup2(file, descriptor);
  syscall(SYS_close, file);
}

void files_start(void) {
  static char buffers[2][OUTPUT_BYTES];
  replace(0, "input");
  replace(1, "output");
  dup2(1, 2);
  setvbuf(stdin, buffers[0], _IOFBF, sizeof buffers[0]);
  setvbuf(stdout, buffers[1], _IOFBF, sizeof buffers[1]);
}

int output_descriptor(void) {
  return 1;
}

static void empty(int descriptor) {
  if (lseek(descriptor, 0, SEEK_END) > 0 && ftruncate(descriptor, 0))
    leave(3);
  lseek(descriptor, 0, SEEK_SET);
}

void files_reset(const char *text) {
  size_t length = strnlen(text, PAGE);
  opened = 0;
  fflush(stdout); /* what a prelude left */
  empty(1);
  empty(0);
  if (length && write(0, text, length) != (ssize_t)length)
    leave(3);
  rewind(stdin);
  clearerr(stdout);
}

/* Every third open fails. */
static int open_any(int writing) {
  if (opened++ % 3 == 2) {
    errno = ENOENT;
    return -1;
  }
  return writing;
}

int open(const char *path, int flags, ...) {
  (void)path;
  return open_any((flags & O_ACCMODE) != O_RDONLY);
}
int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int creat(const char *path, mode_t mode) {
  (void)path, (void)mode;
  return open_any(1);
}

int close(int descriptor) {
  (void)descriptor;
  return 0;
}

FILE *fopen(const char *path, const char *mode) {
  (void)path;
  int descriptor = open_any(*mode != 'r');
  return descriptor < 0 ? NULL : descriptor ? stdout : stdin;
}
FILE *fopen64(const char *path, const char *mode) __attribute__((alias("fopen")));

FILE *fdopen(int descriptor, const char *mode) {
  (void)descriptor;
  return *mode == 'r' ? stdin : stdout;
}

int fclose(FILE *file) {
  return file == stdout ? fflush(file) : 0;
}
