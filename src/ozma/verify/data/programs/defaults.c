/* A null pointer that stands for a default place. */
double kept;
void put(double *place, double value) {
  if (place == 0)
    place = &kept;
  *place = value;
}
int main(void) {
  put(0, 55.5);
  return kept != 55.5;
}
