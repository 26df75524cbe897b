/* The other unit: symbols, weak ones too, are shared between both. */
extern int table[], table_length;
int lookup(int index);
int lookups(void);
int scale(void) { return 2; }
int main(void) {
  int sum = 0;
  for (int i = 0; i < table_length; i++)
    sum += lookup(i);
  table[0] = 10;
  return sum == 62 && lookup(0) == 20 && lookups() == 9 ? 0 : 1;
}
