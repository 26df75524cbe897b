/* Arithmetic whose every bit counts: wrapping, shifts, wide division, NaN, zeros, rounding. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
volatile uint64_t seed = 88172645463325252u;
static uint64_t next(void) {
  uint64_t x = seed;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return seed = x;
}
static void show(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  printf("%016llx\n", (unsigned long long)(value != value ? 1 : bits));
}
struct Fields { int a : 5; unsigned b : 11; signed c : 3; unsigned d : 13; };
int main(void) {
  uint64_t hash = 0;
  for (int i = 0; i < 500; i++) {
    uint64_t a = next(), b = next() | 1;
    unsigned __int128 wide = (unsigned __int128)a * b + i;
    struct Fields f = {(int)(a & 15), b & 2047, (int)(a & 3), b >> 51};
    f.b += f.d;
    f.a -= 9;
    hash = hash * 1099511628211u ^ (uint64_t)(wide >> 61) ^ (a % b) ^ (a << (b & 63)) ^
           (uint64_t)((int64_t)a >> (b & 31)) ^ (uint64_t)((int32_t)a / ((int32_t)b | 3)) ^
           (uint64_t)(f.a + f.b * 3 + f.c) ^ (uint64_t)(wide / (b >> 32 | 1)) ^
           (uint64_t)__builtin_popcountll(a) << 3 ^ (uint64_t)(int8_t)b;
  }
  printf("%016llx\n", (unsigned long long)hash);
  volatile double zero = 0.0, one = 1.0, tiny = 5e-324;
  show(-zero);
  show(one / -zero);
  show(zero / zero);
  show(tiny / 2);
  show((one + 1e-16) + 1e-16);
  show(fmin(zero / zero, one) + copysign(one, -zero));
  show((float)(one / 3));
  printf("%d %d %d\n", zero / zero == zero / zero, -zero == zero, !(zero / zero < one));
  return 0;
}
