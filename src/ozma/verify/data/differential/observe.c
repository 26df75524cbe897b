/* What a call did, in a form that is equal for equal behaviour: changed words of buffers, globals,
   reachable heap blocks and standard output. Addresses that differ between builds are replaced. */
#define _GNU_SOURCE
#include "runner.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ENTRIES = 1 << 12, HEAP_BLOCKS = 256, TEXT = 256, STACK_SPAN = 8 << 20, OUTPUT_BYTES = 1 << 16 };

static struct {
  struct result_header header;
  struct entry entries[ENTRIES + 1];
} result;
static uint64_t digest;
static uint32_t digested;
static uint64_t heap_blocks[HEAP_BLOCKS][2];
static uint32_t heap_count;
static int results_file;

static uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
  return hash ^ hash >> 29;
}

/* The text that a pointer into the module shows, 0 where it shows none: addresses differ between
   builds, messages do not. */
static uint64_t text_at(uint64_t address) {
  uint64_t end, hash = 1, length = 0;
  if (!constant_in_module(address, &end))
    return 0;
  for (const unsigned char *c = (void *)address; (uintptr_t)c < end && length < TEXT; ++c, ++length) {
    if (*c == 0)
      return length ? hash : 0;
    if (*c < 32 && (*c < 9 || *c > 13))
      return 0;
    hash = mix(hash, *c);
  }
  return 0;
}

static uint64_t heap_number(uint64_t address) {
  uint64_t start, bytes;
  if (!heap_find(address, &start, &bytes))
    return 0;
  uint32_t i = 0;
  while (i < heap_count && heap_blocks[i][0] != start)
    ++i;
  if (i == heap_count && heap_count < HEAP_BLOCKS) {
    heap_blocks[heap_count][0] = start;
    heap_blocks[heap_count++][1] = bytes;
  }
  return (uint64_t)(i + 1) << 32 | (address - start);
}

static int on_stack(uint64_t address) {
  uint64_t here = (uintptr_t)__builtin_frame_address(0);
  return address - (here - STACK_SPAN) < 2 * (uint64_t)STACK_SPAN;
}

static void classify(struct entry *entry) {
  uint64_t value = entry->value;
  entry->kind = RAW;
  if (in_module(value)) {
    entry->kind = IN_MODULE;
    entry->value = text_at(value);
  } else if (value - HEAP_BASE < HEAP_BYTES) {
    entry->kind = IN_HEAP;
    entry->value = heap_number(value);
  } else if (on_stack(value)) {
    entry->kind = ON_STACK;
    entry->value = 0;
  }
}

void emit(unsigned region, uint32_t offset, uint64_t value, uint64_t before) {
  struct entry entry = {(uint16_t)region, RAW, offset, value, before};
  classify(&entry);
  if (in_module(before) || on_stack(before))
    entry.before = 0;
  if (result.header.entries < ENTRIES) {
    result.entries[result.header.entries++] = entry;
    return;
  }
  digest = mix(mix(mix(digest, region), offset), entry.value);
  ++digested;
}

static void emit_heap(void) {
  for (uint32_t i = 0; i < heap_count; ++i) {
    const char *start = (const char *)heap_blocks[i][0];
    for (uint64_t offset = 0; offset < heap_blocks[i][1]; offset += 8) {
      uint64_t word;
      memcpy(&word, start + offset, 8); /* blocks are padded to 16 bytes */
      if (word)
        emit(R_HEAP + i, (uint32_t)offset, word, 0);
    }
  }
}

static void emit_output(void) {
  static uint64_t text[OUTPUT_BYTES / 8];
  fflush(stdout);
  off_t bytes = lseek(output_descriptor(), 0, SEEK_END);
  if (bytes == 0)
    return;
  memset(text, 0, sizeof text);
  ssize_t got = pread(output_descriptor(), text, sizeof text, 0);
  for (ssize_t i = 0; i * 8 < got; ++i)
    emit(R_OUTPUT, (uint32_t)i * 8, text[i], 0);
  emit(R_OUTPUT, OUTPUT_BYTES, (uint64_t)bytes, 0);
}

static void finish(const struct plan_call *call, uint32_t status, uint32_t code) {
  result.header.magic = MAGIC;
  result.header.id = call->id;
  result.header.status = status;
  result.header.code = code;
  result.header.patches = call->patches;
  memcpy(result.header.patch, call->patch, sizeof call->patch);
  size_t bytes = sizeof result.header + result.header.entries * sizeof(struct entry);
  if (write(results_file, &result, bytes) == (ssize_t)bytes)
    shared->done = shared->current + 1;
}

void observe_start(int results) {
  results_file = results;
}

void observe(uint32_t status, uint32_t code, const uint64_t registers[4]) {
  uint64_t error = (uint64_t)errno;
  result.header.entries = heap_count = digested = 0;
  digest = 0;
  memcpy(result.header.registers, registers, sizeof result.header.registers);
  if (status == RETURNED && plan.functions[call_now->function].flags & FLAG_POINTER_RESULT)
    emit(R_RETURN, 0, registers[0], 0);
  if (error)
    emit(R_ERRNO, 0, error, 0);
  emit_buffers();
  emit_globals();
  emit_output();
  emit_trace();
  emit_heap();
  if (digested)
    result.entries[result.header.entries++] = (struct entry){R_REST, DIGEST, digested, digest, 0};
  finish(call_now, status, code);
}

void observe_death(const struct plan_call *call, uint32_t status, uint32_t code) {
  memset(&result.header, 0, sizeof result.header);
  finish(call, status, code);
}
