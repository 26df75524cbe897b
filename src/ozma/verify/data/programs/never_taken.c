/* A value that is read only where control never goes, beside a loop that must not start. */
int total, gate, spare;
short step;
int main(void) {
  int box[1];
  for (; step < 2; step++) {
    total = 0;
    if (step == 20000)
      total = box[step];
    if (!(spare || step))
      for (; gate;)
        ;
  }
  return total;
}
