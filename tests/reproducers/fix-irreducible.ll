; opt -passes='function(fix-irreducible)'
define i32 @f(i32 %x) {
entry:
  switch i32 %x, label %other [
    i32 0, label %a
    i32 1, label %b
  ]
a:
  %i = phi i32 [ 10, %entry ], [ %j.next, %b ]
  %i.next = add i32 %i, 1
  %more = icmp slt i32 %i.next, 30
  br i1 %more, label %b, label %exit
b:
  %j = phi i32 [ 20, %entry ], [ %i.next, %a ]
  %j.next = add i32 %j, 3
  br label %a
other:
  ret i32 7
exit:
  ret i32 %i.next
}

define i32 @main() {
  %zero = call i32 @f(i32 0)
  %one = call i32 @f(i32 1)
  %two = call i32 @f(i32 2)
  %hundreds = mul i32 %zero, 100
  %sum = add i32 %hundreds, %one
  %tens = mul i32 %two, 10000
  %all = add i32 %tens, %sum
  %right = icmp eq i32 %all, 73132
  %code = select i1 %right, i32 0, i32 1
  ret i32 %code
}
