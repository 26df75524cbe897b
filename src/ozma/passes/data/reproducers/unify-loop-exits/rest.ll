; ModuleID = '/tmp/ozma-0otcpspr/rest.bc'
source_filename = "llvm-link"
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-pc-linux-gnu"

@zero = dso_local global i32 0, align 4

; Function Attrs: minsize nounwind optsize uwtable
define dso_local i32 @main() #0 {
  %1 = alloca i32, align 4
  %2 = alloca i32, align 4
  %3 = alloca i32, align 4
  store i32 0, ptr %1, align 4
  %4 = load volatile i32, ptr @zero, align 4, !tbaa !5
  %5 = call i32 @classify(i32 noundef %4) #3
  %6 = icmp ne i32 %5, 30
  br i1 %6, label %17, label %7

7:                                                ; preds = %0
  %8 = load volatile i32, ptr @zero, align 4, !tbaa !5
  %9 = add nsw i32 4, %8
  %10 = call i32 @classify(i32 noundef %9) #3
  %11 = icmp ne i32 %10, 50
  br i1 %11, label %17, label %12

12:                                               ; preds = %7
  %13 = load volatile i32, ptr @zero, align 4, !tbaa !5
  %14 = add nsw i32 10, %13
  %15 = call i32 @classify(i32 noundef %14) #3
  %16 = icmp ne i32 %15, 2
  br i1 %16, label %17, label %18

17:                                               ; preds = %12, %7, %0
  store i32 1, ptr %1, align 4
  br label %49

18:                                               ; preds = %12
  %19 = load volatile i32, ptr @zero, align 4, !tbaa !5
  %20 = sub nsw i32 %19, 60
  %21 = call i32 @classify(i32 noundef %20) #3
  %22 = icmp ne i32 %21, 1
  br i1 %22, label %28, label %23

23:                                               ; preds = %18
  %24 = load volatile i32, ptr @zero, align 4, !tbaa !5
  %25 = add nsw i32 %24, 50
  %26 = call i32 @classify(i32 noundef %25) #3
  %27 = icmp ne i32 %26, 1
  br i1 %27, label %28, label %29

28:                                               ; preds = %23, %18
  store i32 2, ptr %1, align 4
  br label %49

29:                                               ; preds = %23
  call void @llvm.lifetime.start.p0(i64 4, ptr %2) #4
  %30 = load volatile i32, ptr @zero, align 4, !tbaa !5
  store i32 %30, ptr %2, align 4, !tbaa !5
  br label %31

31:                                               ; preds = %43, %29
  %32 = load i32, ptr %2, align 4, !tbaa !5
  %33 = icmp slt i32 %32, 30
  br i1 %33, label %35, label %34

34:                                               ; preds = %31
  store i32 2, ptr %3, align 4
  br label %46

35:                                               ; preds = %31
  %36 = load i32, ptr %2, align 4, !tbaa !5
  %37 = call i32 @nested(i32 noundef %36) #3
  %38 = load i32, ptr %2, align 4, !tbaa !5
  %39 = call i32 @expected(i32 noundef %38) #3
  %40 = icmp ne i32 %37, %39
  br i1 %40, label %41, label %42

41:                                               ; preds = %35
  store i32 3, ptr %1, align 4
  store i32 1, ptr %3, align 4
  br label %46

42:                                               ; preds = %35
  br label %43

43:                                               ; preds = %42
  %44 = load i32, ptr %2, align 4, !tbaa !5
  %45 = add nsw i32 %44, 1
  store i32 %45, ptr %2, align 4, !tbaa !5
  br label %31, !llvm.loop !9

46:                                               ; preds = %41, %34
  call void @llvm.lifetime.end.p0(i64 4, ptr %2) #4
  %47 = load i32, ptr %3, align 4
  switch i32 %47, label %51 [
    i32 2, label %48
    i32 1, label %49
  ]

48:                                               ; preds = %46
  store i32 0, ptr %1, align 4
  br label %49

49:                                               ; preds = %48, %46, %28, %17
  %50 = load i32, ptr %1, align 4
  ret i32 %50

51:                                               ; preds = %46
  unreachable
}

; Function Attrs: minsize noinline nounwind optsize uwtable
declare hidden i32 @classify(i32 noundef) #1

; Function Attrs: nocallback nofree nosync nounwind willreturn memory(argmem: readwrite)
declare void @llvm.lifetime.start.p0(i64 immarg, ptr nocapture) #2

; Function Attrs: minsize noinline nounwind optsize uwtable
define hidden i32 @nested(i32 noundef %0) #1 {
  %2 = alloca i32, align 4
  %3 = alloca i32, align 4
  %4 = alloca i32, align 4
  %5 = alloca i32, align 4
  %6 = alloca i32, align 4
  %7 = alloca i32, align 4
  store i32 %0, ptr %3, align 4, !tbaa !5
  call void @llvm.lifetime.start.p0(i64 4, ptr %4) #4
  store i32 0, ptr %4, align 4, !tbaa !5
  call void @llvm.lifetime.start.p0(i64 4, ptr %5) #4
  store i32 0, ptr %5, align 4, !tbaa !5
  br label %8

8:                                                ; preds = %56, %1
  %9 = load i32, ptr %5, align 4, !tbaa !5
  %10 = load i32, ptr %3, align 4, !tbaa !5
  %11 = icmp slt i32 %9, %10
  br i1 %11, label %13, label %12

12:                                               ; preds = %8
  store i32 2, ptr %6, align 4
  br label %59

13:                                               ; preds = %8
  call void @llvm.lifetime.start.p0(i64 4, ptr %7) #4
  %14 = load i32, ptr %5, align 4, !tbaa !5
  store i32 %14, ptr %7, align 4, !tbaa !5
  br label %15

15:                                               ; preds = %44, %13
  %16 = load i32, ptr %7, align 4, !tbaa !5
  %17 = load i32, ptr %3, align 4, !tbaa !5
  %18 = icmp slt i32 %16, %17
  br i1 %18, label %20, label %19

19:                                               ; preds = %15
  store i32 5, ptr %6, align 4
  br label %47

20:                                               ; preds = %15
  %21 = load i32, ptr %5, align 4, !tbaa !5
  %22 = load i32, ptr %7, align 4, !tbaa !5
  %23 = mul nsw i32 %21, %22
  %24 = icmp eq i32 %23, 42
  br i1 %24, label %25, label %26

25:                                               ; preds = %20
  store i32 8, ptr %6, align 4
  br label %47

26:                                               ; preds = %20
  %27 = load i32, ptr %7, align 4, !tbaa !5
  %28 = load i32, ptr %5, align 4, !tbaa !5
  %29 = sub nsw i32 %27, %28
  %30 = icmp sgt i32 %29, 9
  br i1 %30, label %31, label %32

31:                                               ; preds = %26
  store i32 5, ptr %6, align 4
  br label %47

32:                                               ; preds = %26
  %33 = load i32, ptr %5, align 4, !tbaa !5
  %34 = load i32, ptr %7, align 4, !tbaa !5
  %35 = xor i32 %33, %34
  %36 = icmp eq i32 %35, 5
  br i1 %36, label %37, label %38

37:                                               ; preds = %32
  br label %44

38:                                               ; preds = %32
  %39 = load i32, ptr %5, align 4, !tbaa !5
  %40 = load i32, ptr %7, align 4, !tbaa !5
  %41 = add nsw i32 %39, %40
  %42 = load i32, ptr %4, align 4, !tbaa !5
  %43 = add nsw i32 %42, %41
  store i32 %43, ptr %4, align 4, !tbaa !5
  br label %44

44:                                               ; preds = %38, %37
  %45 = load i32, ptr %7, align 4, !tbaa !5
  %46 = add nsw i32 %45, 1
  store i32 %46, ptr %7, align 4, !tbaa !5
  br label %15, !llvm.loop !11

47:                                               ; preds = %25, %31, %19
  call void @llvm.lifetime.end.p0(i64 4, ptr %7) #4
  %48 = load i32, ptr %6, align 4
  switch i32 %48, label %59 [
    i32 5, label %49
  ]

49:                                               ; preds = %47
  %50 = load i32, ptr %4, align 4, !tbaa !5
  %51 = icmp sgt i32 %50, 5000
  br i1 %51, label %52, label %55

52:                                               ; preds = %49
  %53 = load i32, ptr %4, align 4, !tbaa !5
  %54 = sub nsw i32 0, %53
  store i32 %54, ptr %2, align 4
  store i32 1, ptr %6, align 4
  br label %59

55:                                               ; preds = %49
  br label %56

56:                                               ; preds = %55
  %57 = load i32, ptr %5, align 4, !tbaa !5
  %58 = add nsw i32 %57, 1
  store i32 %58, ptr %5, align 4, !tbaa !5
  br label %8, !llvm.loop !12

59:                                               ; preds = %52, %47, %12
  call void @llvm.lifetime.end.p0(i64 4, ptr %5) #4
  %60 = load i32, ptr %6, align 4
  switch i32 %60, label %64 [
    i32 2, label %61
    i32 8, label %62
  ]

61:                                               ; preds = %59
  br label %62

62:                                               ; preds = %61, %59
  %63 = load i32, ptr %4, align 4, !tbaa !5
  store i32 %63, ptr %2, align 4
  store i32 1, ptr %6, align 4
  br label %64

64:                                               ; preds = %62, %59
  call void @llvm.lifetime.end.p0(i64 4, ptr %4) #4
  %65 = load i32, ptr %2, align 4
  ret i32 %65
}

; Function Attrs: minsize nounwind optsize uwtable
define hidden i32 @expected(i32 noundef %0) #0 {
  %2 = alloca i32, align 4
  %3 = alloca i32, align 4
  %4 = alloca i32, align 4
  %5 = alloca i32, align 4
  %6 = alloca i32, align 4
  %7 = alloca i32, align 4
  store i32 %0, ptr %3, align 4, !tbaa !5
  call void @llvm.lifetime.start.p0(i64 4, ptr %4) #4
  store i32 0, ptr %4, align 4, !tbaa !5
  call void @llvm.lifetime.start.p0(i64 4, ptr %5) #4
  store i32 0, ptr %5, align 4, !tbaa !5
  call void @llvm.lifetime.start.p0(i64 4, ptr %6) #4
  store i32 0, ptr %6, align 4, !tbaa !5
  br label %8

8:                                                ; preds = %53, %1
  %9 = load i32, ptr %5, align 4, !tbaa !5
  %10 = load i32, ptr %3, align 4, !tbaa !5
  %11 = icmp sge i32 %9, %10
  br i1 %11, label %12, label %14

12:                                               ; preds = %8
  %13 = load i32, ptr %4, align 4, !tbaa !5
  store i32 %13, ptr %2, align 4
  store i32 1, ptr %7, align 4
  br label %56

14:                                               ; preds = %8
  %15 = load i32, ptr %5, align 4, !tbaa !5
  store i32 %15, ptr %6, align 4, !tbaa !5
  br label %16

16:                                               ; preds = %43, %14
  %17 = load i32, ptr %6, align 4, !tbaa !5
  %18 = load i32, ptr %3, align 4, !tbaa !5
  %19 = icmp slt i32 %17, %18
  br i1 %19, label %20, label %47

20:                                               ; preds = %16
  %21 = load i32, ptr %5, align 4, !tbaa !5
  %22 = load i32, ptr %6, align 4, !tbaa !5
  %23 = mul nsw i32 %21, %22
  %24 = icmp eq i32 %23, 42
  br i1 %24, label %25, label %27

25:                                               ; preds = %20
  %26 = load i32, ptr %4, align 4, !tbaa !5
  store i32 %26, ptr %2, align 4
  store i32 1, ptr %7, align 4
  br label %56

27:                                               ; preds = %20
  %28 = load i32, ptr %6, align 4, !tbaa !5
  %29 = load i32, ptr %5, align 4, !tbaa !5
  %30 = sub nsw i32 %28, %29
  %31 = icmp sle i32 %30, 9
  br i1 %31, label %32, label %46

32:                                               ; preds = %27
  %33 = load i32, ptr %5, align 4, !tbaa !5
  %34 = load i32, ptr %6, align 4, !tbaa !5
  %35 = xor i32 %33, %34
  %36 = icmp ne i32 %35, 5
  br i1 %36, label %37, label %43

37:                                               ; preds = %32
  %38 = load i32, ptr %5, align 4, !tbaa !5
  %39 = load i32, ptr %6, align 4, !tbaa !5
  %40 = add nsw i32 %38, %39
  %41 = load i32, ptr %4, align 4, !tbaa !5
  %42 = add nsw i32 %41, %40
  store i32 %42, ptr %4, align 4, !tbaa !5
  br label %43

43:                                               ; preds = %37, %32
  %44 = load i32, ptr %6, align 4, !tbaa !5
  %45 = add nsw i32 %44, 1
  store i32 %45, ptr %6, align 4, !tbaa !5
  br label %16

46:                                               ; preds = %27
  br label %47

47:                                               ; preds = %46, %16
  %48 = load i32, ptr %4, align 4, !tbaa !5
  %49 = icmp sgt i32 %48, 5000
  br i1 %49, label %50, label %53

50:                                               ; preds = %47
  %51 = load i32, ptr %4, align 4, !tbaa !5
  %52 = sub nsw i32 0, %51
  store i32 %52, ptr %2, align 4
  store i32 1, ptr %7, align 4
  br label %56

53:                                               ; preds = %47
  %54 = load i32, ptr %5, align 4, !tbaa !5
  %55 = add nsw i32 %54, 1
  store i32 %55, ptr %5, align 4, !tbaa !5
  br label %8

56:                                               ; preds = %50, %25, %12
  call void @llvm.lifetime.end.p0(i64 4, ptr %6) #4
  call void @llvm.lifetime.end.p0(i64 4, ptr %5) #4
  call void @llvm.lifetime.end.p0(i64 4, ptr %4) #4
  %57 = load i32, ptr %2, align 4
  ret i32 %57
}

; Function Attrs: nocallback nofree nosync nounwind willreturn memory(argmem: readwrite)
declare void @llvm.lifetime.end.p0(i64 immarg, ptr nocapture) #2

attributes #0 = { minsize nounwind optsize uwtable "min-legal-vector-width"="0" "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" "tune-cpu"="generic" }
attributes #1 = { minsize noinline nounwind optsize uwtable "min-legal-vector-width"="0" "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" "tune-cpu"="generic" }
attributes #2 = { nocallback nofree nosync nounwind willreturn memory(argmem: readwrite) }
attributes #3 = { minsize optsize }
attributes #4 = { nounwind }

!llvm.ident = !{!0}
!llvm.module.flags = !{!1, !2, !3, !4}

!0 = !{!"Debian clang version 19.1.7 (3~deb12u1)"}
!1 = !{i32 1, !"wchar_size", i32 4}
!2 = !{i32 8, !"PIC Level", i32 2}
!3 = !{i32 7, !"PIE Level", i32 2}
!4 = !{i32 7, !"uwtable", i32 2}
!5 = !{!6, !6, i64 0}
!6 = !{!"int", !7, i64 0}
!7 = !{!"omnipotent char", !8, i64 0}
!8 = !{!"Simple C/C++ TBAA"}
!9 = distinct !{!9, !10}
!10 = !{!"llvm.loop.mustprogress"}
!11 = distinct !{!11, !10}
!12 = distinct !{!12, !10}
