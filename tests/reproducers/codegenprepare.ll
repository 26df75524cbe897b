; opt -passes='function(codegenprepare)'
target triple = "x86_64-unknown-linux-gnu"
define i32 @square(i32 %x) {
  %y = mul i32 %x, %x
  ret i32 %y
}
