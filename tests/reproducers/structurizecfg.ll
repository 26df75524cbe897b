; opt -passes='function(structurizecfg)'
define i32 @f(i32 %x) {
entry:
  br label %loop
loop:
  %i = phi i32 [ %x, %entry ], [ %i.next, %latch ]
  %r = phi i32 [ 0, %entry ], [ %r.next, %latch ]
  %digit = srem i32 %i, 5
  switch i32 %digit, label %latch [
    i32 0, label %zero
    i32 1, label %one
    i32 3, label %three
  ]
zero:
  %r.zero = add i32 %r, 1
  br label %exit
one:
  %r.one = add i32 %r, 2
  br label %exit
three:
  %r.three = add i32 %r, 40
  br label %exit
latch:
  %r.next = add i32 %r, 10
  %i.next = add i32 %i, 1
  %done = icmp sgt i32 %r.next, 50
  br i1 %done, label %exit, label %loop
exit:
  %result = phi i32 [ %r.zero, %zero ], [ %r.one, %one ], [ %r.three, %three ], [ %r.next, %latch ]
  ret i32 %result
}

define i32 @main() {
  %zero = call i32 @f(i32 0)
  %one = call i32 @f(i32 1)
  %two = call i32 @f(i32 2)
  %three = call i32 @f(i32 3)
  %some = add i32 %zero, %one
  %most = add i32 %some, %two
  %sum = add i32 %most, %three
  %right = icmp eq i32 %sum, 93
  %code = select i1 %right, i32 0, i32 1
  ret i32 %code
}
