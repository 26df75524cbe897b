/* The allocator that modules under test use: memory at a fixed address, all zero at each call, so
   that results do not depend on what an earlier call left. Never reuses memory within a call. */
#include "runner.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

struct block {
  uint64_t bytes, mark;
};
enum { BLOCK_MARK = 0x6f7a6d61 };

static char *next, *floor_, *limit;

static void heap_map(void) {
  floor_ = next = mmap((void *)HEAP_BASE, HEAP_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  limit = next + HEAP_BYTES;
}

void heap_start(void) {
  if (!next)
    heap_map();
  floor_ = next;
}

void heap_reset(void) {
  if (next - floor_ > 1 << 20)
    madvise((void *)(((uintptr_t)floor_ + PAGE) & -(uintptr_t)PAGE),
            (size_t)(limit - floor_) - PAGE, MADV_DONTNEED);
  memset(floor_, 0, (size_t)(next - floor_ > 1 << 20 ? PAGE : next - floor_));
  next = floor_;
}

static void *take(size_t bytes, size_t alignment) {
  if (!next)
    heap_map();
  uintptr_t start = ((uintptr_t)next + sizeof(struct block) + alignment - 1) & -alignment;
  if (bytes > HEAP_BYTES || start + bytes > (uintptr_t)limit) {
    errno = ENOMEM;
    return NULL;
  }
  struct block *block = (struct block *)start - 1;
  block->bytes = bytes;
  block->mark = BLOCK_MARK;
  next = (char *)((start + bytes + 15) & ~(uintptr_t)15);
  return (void *)start;
}

int heap_find(uint64_t address, uint64_t *start, uint64_t *bytes) {
  if (address < (uintptr_t)floor_ || address >= (uintptr_t)next)
    return 0;
  for (uint64_t at = address & ~15ull; at > (uintptr_t)floor_; at -= 16) {
    const struct block *block = (const struct block *)at - 1;
    if (block->mark == BLOCK_MARK && address - at <= block->bytes) {
      *start = at;
      *bytes = block->bytes;
      return 1;
    }
  }
  return 0;
}

void *malloc(size_t bytes) {
  return take(bytes, 16);
}

void *calloc(size_t count, size_t bytes) {
  size_t total;
  if (__builtin_mul_overflow(count, bytes, &total)) {
    errno = ENOMEM;
    return NULL;
  }
  return take(total, 16);
}

void free(void *pointer) {
  (void)pointer;
}

/* Blocks that this allocator did not make are argument buffers: copy up to the end of the page. */
void *realloc(void *pointer, size_t bytes) {
  void *result = take(bytes, 16);
  if (!pointer || !result)
    return result;
  uint64_t address = (uintptr_t)pointer, old = PAGE - address % PAGE;
  if (address >= HEAP_BASE && address < HEAP_BASE + HEAP_BYTES)
    old = ((struct block *)pointer - 1)->bytes;
  return memcpy(result, pointer, old < bytes ? old : bytes);
}

void *memalign(size_t alignment, size_t bytes) {
  return take(bytes, alignment < 16 ? 16 : alignment);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
  return memalign(alignment, bytes);
}

int posix_memalign(void **result, size_t alignment, size_t bytes) {
  void *block = memalign(alignment, bytes);
  if (!block)
    return ENOMEM;
  *result = block;
  return 0;
}

/* operator new and delete of C++, Itanium ABI names */
void *_Znwm(size_t bytes) {
  return malloc(bytes);
}
void *_Znam(size_t bytes) {
  return malloc(bytes);
}
void _ZdlPv(void *pointer) {
  free(pointer);
}
void _ZdaPv(void *pointer) {
  free(pointer);
}
void _ZdlPvm(void *pointer, size_t bytes) {
  (void)bytes;
  free(pointer);
}
void _ZdaPvm(void *pointer, size_t bytes) {
  (void)bytes;
  free(pointer);
}
