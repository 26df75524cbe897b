target triple = "x86_64-unknown-linux-gnu"

define i8 @f(ptr %callee) {
  %address = call ptr %callee(ptr null)
  %value = load i8, ptr %address
  ret i8 %value
}
