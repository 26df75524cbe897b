// Virtual calls through several bases, dynamic_cast, and the order of destruction.
#include <cstdio>
struct Shape {
  virtual ~Shape() { std::puts("~Shape"); }
  virtual int area() const = 0;
};
struct Named {
  virtual ~Named() = default;
  virtual char initial() const { return '?'; }
};
struct Square : Shape, Named {
  int side;
  explicit Square(int n) : side(n) {}
  ~Square() override { std::puts("~Square"); }
  int area() const override { return side * side; }
  char initial() const override { return 'S'; }
};
struct Strip : Square {
  explicit Strip(int n) : Square(n) {}
  int area() const override { return side; }
};
static int total(Shape *const *shapes, int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i)
    sum = sum * 10 + shapes[i]->area();
  return sum;
}
static Strip last(5);
int main() {
  Square square(3);
  Strip strip(4);
  Shape *shapes[] = {&square, &strip, &last};
  std::printf("%d\n", total(shapes, 3));
  Named *named = dynamic_cast<Named *>(shapes[1]);
  std::printf("%c %d\n", named->initial(), dynamic_cast<Strip *>(shapes[0]) == nullptr);
  return 0;
}
