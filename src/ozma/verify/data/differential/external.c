/* Functions that the module calls but does not define: the call and its register arguments are
   recorded, and a result is made up from the plan's mode, equal in every build. */
#include "runner.h"

static uint64_t trace[TRACE_WORDS];
static uint32_t trace_words, calls_made;

void external_reset(void) {
  trace_words = calls_made = 0;
}

static void record(uint64_t word) {
  if (trace_words < TRACE_WORDS)
    trace[trace_words] = word;
  ++trace_words;
}

static uint64_t low_bits(uint64_t value, unsigned bits) {
  return bits >= 64 ? value : value & ((1ull << bits) - 1);
}

static uint64_t made_up(const struct plan_external *external) {
  uint64_t value = call_now->answers[calls_made++ % ANSWERS];
  if (external->result == EXT_POINTER) {
    int null = value % 4 == 0 && !external->never_null;
    return null ? 0 : buffer_address(LAZY_END + calls_made % 2);
  }
  if (external->result != EXT_FLOAT)
    return low_bits(value, external->result_bits);
  union {
    double wide;
    float narrow[2];
    uint64_t bits;
  } number = {.wide = (double)(int64_t)value / 2};
  if (external->result_bits == 32)
    number.narrow[0] = (float)(int64_t)value / 2;
  return number.bits;
}

uint64_t ozma_external(uint64_t index, const uint64_t *integers, const uint64_t *floats) {
  const struct plan_external *external = &plan.externals[index];
  if (external->result == EXT_TRAP)
    end_call(MISSING, (uint32_t)index);
  if (external->recorded) {
    record(index);
    for (unsigned i = 0; i < external->integers; ++i)
      record(low_bits(integers[i], external->integer_bits[i]));
    for (unsigned i = 0; i < external->floats; ++i)
      record(low_bits(floats[i], external->float_bits[i]));
  }
  if (external->result == EXT_EXIT)
    end_call(EXITED, 1000 + (uint32_t)index);
  return external->recorded ? made_up(external) : call_now->answers[0] & 1;
}

void emit_trace(void) {
  uint32_t stored = trace_words < TRACE_WORDS ? trace_words : TRACE_WORDS;
  for (uint32_t i = 0; i < stored; ++i)
    emit(R_TRACE, i, trace[i], 0);
  if (trace_words > stored)
    emit(R_TRACE, stored, trace_words, 0);
}
