/* The module under test: a shared object, its writable memory, and what others can see of it. */
#define _GNU_SOURCE
#include "runner.h"
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SEGMENTS = 8, LOAD_ERROR = 3 };
static struct segment {
  char *start, *copy;
  size_t bytes;
  int writable, constant;
} segments[SEGMENTS];
static int segment_count;
static uint64_t module_start, module_end;
static void **functions;
static char **globals;

static void *map_copy(size_t bytes) {
  return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int note_segments(struct dl_phdr_info *info, size_t size, void *base) {
  (void)size;
  if (info->dlpi_addr != (uintptr_t)base)
    return 0;
  module_start = ~0ull;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[i];
    if (header->p_type != PT_LOAD || segment_count == SEGMENTS)
      continue;
    struct segment *segment = &segments[segment_count++];
    segment->start = (char *)base + header->p_vaddr;
    segment->bytes = header->p_memsz;
    segment->writable = (header->p_flags & PF_W) != 0;
    segment->constant = (header->p_flags & (PF_W | PF_X)) == 0;
    if ((uintptr_t)segment->start < module_start)
      module_start = (uintptr_t)segment->start;
    if ((uintptr_t)segment->start + segment->bytes > module_end)
      module_end = (uintptr_t)segment->start + segment->bytes;
  }
  return 1;
}

static void find_symbols(void *handle) {
  functions = calloc(plan.header->functions + 1, sizeof *functions);
  globals = calloc(plan.header->globals + 1, sizeof *globals);
  for (uint32_t i = 0; i < plan.header->functions; ++i)
    functions[i] = dlsym(handle, plan.strings + plan.functions[i].name);
  for (uint32_t i = 0; i < plan.header->globals; ++i)
    globals[i] = dlsym(handle, plan.strings + plan.globals[i].name);
}

void load_module(const char *path, int messages) {
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  struct link_map *map;
  if (!handle || dlinfo(handle, RTLD_DI_LINKMAP, &map)) {
    dprintf(messages, "%s\n", dlerror());
    leave(LOAD_ERROR);
  }
  dl_iterate_phdr(note_segments, (void *)map->l_addr);
  find_symbols(handle);
  for (int i = 0; i < segment_count; ++i)
    if (segments[i].writable) {
      segments[i].copy = map_copy(segments[i].bytes);
      memcpy(segments[i].copy, segments[i].start, segments[i].bytes);
    }
}

void restore_module(void) {
  for (int i = 0; i < segment_count; ++i)
    if (segments[i].copy && memcmp(segments[i].start, segments[i].copy, segments[i].bytes))
      memcpy(segments[i].start, segments[i].copy, segments[i].bytes);
}

void *function_address(uint32_t index) {
  return functions[index];
}

int in_module(uint64_t address) {
  return address >= module_start && address < module_end;
}

int constant_in_module(uint64_t address, uint64_t *end) {
  for (int i = 0; i < segment_count; ++i)
    if (segments[i].constant && address - (uintptr_t)segments[i].start < segments[i].bytes) {
      *end = (uintptr_t)segments[i].start + segments[i].bytes;
      return 1;
    }
  return 0;
}

static const char *before_of(const char *address) {
  for (int i = 0; i < segment_count; ++i)
    if (segments[i].copy && (size_t)(address - segments[i].start) < segments[i].bytes)
      return segments[i].copy + (address - segments[i].start);
  return address;
}

static void emit_global(uint32_t index, const char *now, const char *before, uint32_t bytes) {
  for (uint32_t offset = 0; offset < bytes; offset += 8) {
    uint64_t new = 0, old = 0;
    size_t count = bytes - offset < 8 ? bytes - offset : 8;
    memcpy(&new, now + offset, count);
    memcpy(&old, before + offset, count);
    if (new != old)
      emit(R_GLOBALS + index, offset, new, old);
  }
}

void emit_globals(void) {
  for (uint32_t i = 0; i < plan.header->globals; ++i) {
    const char *now = globals[i];
    uint32_t bytes = plan.globals[i].bytes;
    if (now && memcmp(now, before_of(now), bytes))
      emit_global(i, now, before_of(now), bytes);
  }
}
