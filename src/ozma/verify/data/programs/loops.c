/* Loops that are left in many ways: by switch, goto, return, from inner to outer. */
volatile int zero;
__attribute__((noinline)) static int classify(int n) {
  for (int i = 0; i < 100; i++) {
    switch (i + n) {
    case 3: return 30;
    case 5: return 50;
    case 9: return 90;
    case 12: goto out;
    }
    if (i == 40)
      break;
  }
  return 1;
out:
  return 2;
}
__attribute__((noinline)) static int nested(int n) {
  int found = 0;
  for (int i = 0; i < n; i++) {
    for (int j = i; j < n; j++) {
      if (i * j == 42)
        goto done;
      if (j - i > 9)
        break;
      if ((i ^ j) == 5)
        continue;
      found += i + j;
    }
    if (found > 5000)
      return -found;
  }
done:
  return found;
}
static int expected(int n) {
  int found = 0, i = 0, j = 0;
outer:
  if (i >= n) return found;
  j = i;
inner:
  if (j < n) {
    if (i * j == 42) return found;
    if (j - i <= 9) {
      if ((i ^ j) != 5) found += i + j;
      j++;
      goto inner;
    }
  }
  if (found > 5000) return -found;
  i++;
  goto outer;
}
int main(void) {
  if (classify(zero) != 30 || classify(4 + zero) != 50 || classify(10 + zero) != 2)
    return 1;
  if (classify(zero - 60) != 1 || classify(zero + 50) != 1)
    return 2;
  for (int n = zero; n < 30; n++)
    if (nested(n) != expected(n))
      return 3;
  return 0;
}
