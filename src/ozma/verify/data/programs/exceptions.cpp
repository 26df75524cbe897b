// Exceptions reach their handlers, and destructors run on the way.
struct Error { int code; };
static int alive;
struct Guard {
  Guard() { ++alive; }
  ~Guard() { --alive; }
};
__attribute__((noinline)) static int divide(int a, int b) {
  Guard guard;
  if (b == 0)
    throw Error{7};
  return a / b;
}
__attribute__((noinline)) static int caught(int a, int b) {
  try {
    Guard guard;
    return divide(a, b);
  } catch (const Error &error) {
    return 100 + error.code;
  }
}
__attribute__((noinline)) static int rethrown(int b) {
  try {
    try {
      return divide(1, b);
    } catch (...) {
      Guard guard;
      throw;
    }
  } catch (const Error &) {
    return -1;
  }
}
int main() {
  volatile int zero = 0;
  if (caught(8, 2 + zero) != 4 || caught(8, zero) != 107)
    return 1;
  if (rethrown(zero) != -1 || rethrown(1 + zero) != 1)
    return 2;
  return alive ? 3 : 0;
}
