/* Layout of the plan (what to call) and of the results, shared with plan.py, and the parts of the
   runner. All integers are little-endian; no structure has padding. */
#ifndef OZMA_RUNNER_H
#define OZMA_RUNNER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
  PAGE = 4096,
  WORDS = PAGE / 8,
  BUFFERS = 16,     /* pages that arguments and lazy pointers use */
  LAZY_END = 14,    /* the last two belong to pointers that undefined functions return */
  VARIABLES = 112,  /* pages that stand for the module's undefined variables */
  PAGES = BUFFERS + VARIABLES,
  SLOTS = 128,      /* words of a page that may be lazy pointers */
  STACK_WORDS = 16,
  ANSWERS = 8,
  PATCHES = 12,
  HEAP_BYTES = 64 << 20,
  TRACE_WORDS = 4096,
  MAGIC = 0x414d5a4f,
};

/* Fixed addresses, the same in every build, so that pointers compare equal. A lazy pointer names
   its page and word in its upper half and lies in no mapping: following it says which word it was.
   Its lower half is a small number, for a program that takes the word for integers. */
#define BUFFER_BASE 0x2000000000ull
#define BUFFER_STRIDE 0x3000ull
#define HEAP_BASE 0x3000000000ull
#define LAZY_BASE 0x1000ull /* upper half of the first lazy pointer */
#define LAZY_MARK 0x4c415a59u
#define SELF_MARK 0x53454c46u

enum { RETURNED, EXITED, ABORTED, SIGNALLED, MISSING, TIMED_OUT, LOST, ABSENT };
enum { RAW, IN_MODULE, IN_HEAP, ON_STACK, DIGEST };
enum {
  R_BUFFERS = 0,
  R_GLOBALS = 0x1000,
  R_OUTPUT = 0x4000,
  R_TRACE = 0x5000,
  R_RETURN = 0x6000,
  R_ERRNO = 0x7000,
  R_REST = 0x7800, /* a digest of what is too much to list */
  R_HEAP = 0x8000
};
enum { EXT_INTEGER, EXT_POINTER, EXT_FLOAT, EXT_TRAP, EXT_EXIT };
enum { FLAG_POINTER_RESULT = 1 };

/* Arguments that stand for an open file: 0 is the input, 1 the output. */
#define FILE_MARK 0x46494c45u

struct plan_header {
  uint32_t magic, functions, externals, globals, pages, calls, variables, preludes;
};

struct plan_function {
  uint32_t name, flags;
};

struct plan_external {
  uint8_t result, recorded, integers, floats;
  uint8_t integer_bits[8], float_bits[8]; /* 65 is a pointer */
  uint8_t result_bits, never_null, unused[2];
};

struct plan_global {
  uint32_t name, bytes;
};

struct plan_call {
  uint32_t id, function, input, stack_words, buffers, patches; /* input: page of the input's text */
  uint32_t patch[PATCHES];
  uint32_t prelude, unused; /* number, counted from one, of a call that is made before this one */
  uint64_t integers[8], floats[8], stack[STACK_WORDS], indirect;
  uint64_t answers[ANSWERS]; /* of undefined functions, in turn */
  uint16_t page[PAGES];
};

struct result_header {
  uint32_t magic, id, status, code;
  uint64_t registers[4]; /* first and second integer result, first and second float result */
  uint32_t patches, entries;
  uint32_t patch[PATCHES];
};

struct entry {
  uint16_t region, kind;
  uint32_t offset;
  uint64_t value, before;
};

/* State that outlives a child's death. */
struct shared {
  uint32_t current, done, status, code, timeouts;
};

struct plan {
  struct plan_header *header;
  struct plan_function *functions;
  struct plan_external *externals;
  struct plan_global *globals;
  char (*pages)[PAGE];
  struct plan_call *calls;
  char *strings;
};

extern struct plan plan;
extern struct shared *shared;
extern struct plan_call *call_now;
extern unsigned char stack_fill;

/* memory.c */
void map_buffers(void);
uint64_t buffer_address(unsigned page);
void fill_buffers(const struct plan_call *call);
void emit_buffers(void);
int lazy_slot(uint64_t address, uint32_t *slot);
int apply_patch(struct plan_call *call, uint32_t slot);

/* heap.c */
void heap_start(void);
void heap_reset(void);
int heap_find(uint64_t address, uint64_t *start, uint64_t *bytes);

/* module.c */
void load_module(const char *path, int messages);
void restore_module(void);
void *function_address(uint32_t index);
int in_module(uint64_t address);
int constant_in_module(uint64_t address, uint64_t *end);
void emit_globals(void);

/* external.c */
void external_reset(void);
void emit_trace(void);

/* observe.c */
void observe_start(int results);
void observe(uint32_t status, uint32_t code, const uint64_t registers[4]);
void observe_death(const struct plan_call *call, uint32_t status, uint32_t code);
void emit(unsigned region, uint32_t offset, uint64_t value, uint64_t before);

/* files.c: standard input and output are memory, and every file that opens is one of them */
void files_start(void);
void files_reset(const char *text);
int output_descriptor(void);

/* seccomp.c: 0, or -1 where the kernel has no filters; an emulator passes them on to nobody */
int restrict_process(void);
int restrict_call(void);

/* call_*.S */
void ozma_call(void *function, const uint64_t *integers, const uint64_t *floats,
               const uint64_t *stack, uint64_t stack_words, uint64_t *registers);

__attribute__((noreturn)) void end_call(uint32_t status, uint32_t code);

/* The true system call: the runner replaces exit for the code under test. */
__attribute__((noreturn)) static inline void leave(int code) {
  syscall(SYS_exit_group, code);
  __builtin_unreachable();
}

#endif
