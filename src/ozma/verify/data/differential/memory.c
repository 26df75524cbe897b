/* Argument buffers: pages at fixed addresses with a guard page on both sides, filled from the
   plan's pool of pages, and lazy pointers, which get a buffer when they are first followed. */
#include "runner.h"
#include <string.h>
#include <sys/mman.h>

static uint64_t before[PAGES][WORDS];

uint64_t buffer_address(unsigned page) {
  return BUFFER_BASE + page * BUFFER_STRIDE + PAGE;
}

void map_buffers(void) {
  for (unsigned page = 0; page < PAGES; ++page)
    mmap((void *)buffer_address(page), PAGE, PROT_READ | PROT_WRITE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static unsigned used_pages(void) {
  return BUFFERS + plan.header->variables;
}

static uint64_t settle(uint64_t word, unsigned page, unsigned index) {
  uint32_t mark = (uint32_t)(word >> 32), low = (uint32_t)word;
  if (mark == SELF_MARK)
    return buffer_address(page) + low % PAGE;
  if (mark == LAZY_MARK)
    return index < SLOTS ? (LAZY_BASE + page * SLOTS + index) << 32 | low : low;
  return word;
}

void fill_buffers(const struct plan_call *call) {
  for (unsigned page = 0; page < used_pages(); ++page) {
    const uint64_t *source = (const uint64_t *)plan.pages[call->page[page]];
    for (unsigned i = 0; i < WORDS; ++i)
      before[page][i] = settle(source[i], page, i);
  }
  for (uint32_t i = 0; i < call->patches; ++i)
    before[call->patch[i] / SLOTS][call->patch[i] % SLOTS] = buffer_address(call->buffers + i);
  for (unsigned page = 0; page < used_pages(); ++page)
    memcpy((void *)buffer_address(page), before[page], PAGE);
}

void emit_buffers(void) {
  for (unsigned page = 0; page < used_pages(); ++page) {
    const uint64_t *now = (const uint64_t *)buffer_address(page);
    if (memcmp(now, before[page], PAGE) == 0)
      continue;
    for (unsigned i = 0; i < WORDS; ++i)
      if (now[i] != before[page][i])
        emit(R_BUFFERS + page, i * 8, now[i], before[page][i]);
  }
}

/* A small negative or positive offset from a lazy pointer still names its word. */
int lazy_slot(uint64_t address, uint32_t *slot) {
  uint64_t upper = (address + PAGE) >> 32;
  if (upper < LAZY_BASE || upper >= LAZY_BASE + PAGES * SLOTS)
    return 0;
  *slot = (uint32_t)(upper - LAZY_BASE);
  return 1;
}

int apply_patch(struct plan_call *call, uint32_t slot) {
  if (call->patches == PATCHES || call->buffers + call->patches >= LAZY_END)
    return 0;
  for (uint32_t i = 0; i < call->patches; ++i)
    if (call->patch[i] == slot)
      return 0; /* a copy of the old value was followed: cannot be repaired */
  call->patch[call->patches++] = slot;
  return 1;
}
