; ModuleID = '/tmp/ozma-g9pbw59i/whole.bc'
source_filename = "llvm-link"
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-pc-linux-gnu"

@main.code = internal constant [9 x i8] c"\00\09\01\02\02\00\03\01\03", align 1
@zero = dso_local global i32 0, align 4
@.str = private unnamed_addr constant [4 x i8] c"%u\0A\00", align 1
@interpret.labels = internal constant [4 x ptr] [ptr blockaddress(@interpret, %10), ptr blockaddress(@interpret, %23), ptr blockaddress(@interpret, %32), ptr blockaddress(@interpret, %41)], align 16

; Function Attrs: minsize nounwind optsize uwtable
define dso_local i32 @main() #0 {
  %1 = alloca i32, align 4
  %2 = alloca i32, align 4
  %3 = alloca i32, align 4
  %4 = alloca i32, align 4
  %5 = alloca i32, align 4
  %6 = alloca i32, align 4
  store i32 0, ptr %1, align 4
  call void @llvm.lifetime.start.p0(i64 4, ptr %2) #4
  %7 = load volatile i32, ptr @zero, align 4, !tbaa !5
  store i32 %7, ptr %2, align 4, !tbaa !5
  %8 = call i32 @interpret(ptr noundef @main.code) #5
  %9 = icmp ne i32 %8, 64
  br i1 %9, label %10, label %11

10:                                               ; preds = %0
  store i32 1, ptr %1, align 4
  store i32 1, ptr %3, align 4
  br label %41

11:                                               ; preds = %0
  call void @llvm.lifetime.start.p0(i64 4, ptr %4) #4
  store i32 0, ptr %4, align 4, !tbaa !5
  call void @llvm.lifetime.start.p0(i64 4, ptr %5) #4
  store i32 0, ptr %5, align 4, !tbaa !5
  br label %12

12:                                               ; preds = %35, %11
  %13 = load i32, ptr %5, align 4, !tbaa !5
  %14 = icmp slt i32 %13, 4
  br i1 %14, label %16, label %15

15:                                               ; preds = %12
  store i32 2, ptr %3, align 4
  call void @llvm.lifetime.end.p0(i64 4, ptr %5) #4
  br label %38

16:                                               ; preds = %12
  call void @llvm.lifetime.start.p0(i64 4, ptr %6) #4
  store i32 1, ptr %6, align 4, !tbaa !5
  br label %17

17:                                               ; preds = %31, %16
  %18 = load i32, ptr %6, align 4, !tbaa !5
  %19 = icmp slt i32 %18, 9
  br i1 %19, label %21, label %20

20:                                               ; preds = %17
  store i32 5, ptr %3, align 4
  call void @llvm.lifetime.end.p0(i64 4, ptr %6) #4
  br label %34

21:                                               ; preds = %17
  %22 = load i32, ptr %4, align 4, !tbaa !5
  %23 = mul i32 %22, 31
  %24 = load i32, ptr %5, align 4, !tbaa !5
  %25 = load i32, ptr %2, align 4, !tbaa !5
  %26 = add nsw i32 %24, %25
  %27 = load i32, ptr %6, align 4, !tbaa !5
  %28 = call i32 @jump_in(i32 noundef %26, i32 noundef %27) #5
  %29 = srem i32 %28, 1009
  %30 = add i32 %23, %29
  store i32 %30, ptr %4, align 4, !tbaa !5
  br label %31

31:                                               ; preds = %21
  %32 = load i32, ptr %6, align 4, !tbaa !5
  %33 = add nsw i32 %32, 1
  store i32 %33, ptr %6, align 4, !tbaa !5
  br label %17, !llvm.loop !9

34:                                               ; preds = %20
  br label %35

35:                                               ; preds = %34
  %36 = load i32, ptr %5, align 4, !tbaa !5
  %37 = add nsw i32 %36, 1
  store i32 %37, ptr %5, align 4, !tbaa !5
  br label %12, !llvm.loop !11

38:                                               ; preds = %15
  %39 = load i32, ptr %4, align 4, !tbaa !5
  %40 = call i32 (ptr, ...) @printf(ptr noundef @.str, i32 noundef %39) #5
  store i32 0, ptr %1, align 4
  store i32 1, ptr %3, align 4
  call void @llvm.lifetime.end.p0(i64 4, ptr %4) #4
  br label %41

41:                                               ; preds = %38, %10
  call void @llvm.lifetime.end.p0(i64 4, ptr %2) #4
  %42 = load i32, ptr %1, align 4
  ret i32 %42
}

; Function Attrs: nocallback nofree nosync nounwind willreturn memory(argmem: readwrite)
declare void @llvm.lifetime.start.p0(i64 immarg, ptr nocapture) #1

; Function Attrs: minsize noinline nounwind optsize uwtable
define internal i32 @interpret(ptr noundef %0) #2 {
  %2 = alloca ptr, align 8
  %3 = alloca i32, align 4
  store ptr %0, ptr %2, align 8, !tbaa !12
  store i32 0, ptr %3, align 4, !tbaa !5
  %4 = load ptr, ptr %2, align 8, !tbaa !12
  %5 = getelementptr inbounds i8, ptr %4, i32 1
  store ptr %5, ptr %2, align 8, !tbaa !12
  %6 = load i8, ptr %4, align 1, !tbaa !14
  %7 = zext i8 %6 to i64
  %8 = getelementptr inbounds [4 x ptr], ptr @interpret.labels, i64 0, i64 %7
  %9 = load ptr, ptr %8, align 8, !tbaa !12
  br label %43

10:                                               ; preds = %43
  %11 = load ptr, ptr %2, align 8, !tbaa !12
  %12 = getelementptr inbounds i8, ptr %11, i32 1
  store ptr %12, ptr %2, align 8, !tbaa !12
  %13 = load i8, ptr %11, align 1, !tbaa !14
  %14 = zext i8 %13 to i32
  %15 = load i32, ptr %3, align 4, !tbaa !5
  %16 = add nsw i32 %15, %14
  store i32 %16, ptr %3, align 4, !tbaa !5
  %17 = load ptr, ptr %2, align 8, !tbaa !12
  %18 = getelementptr inbounds i8, ptr %17, i32 1
  store ptr %18, ptr %2, align 8, !tbaa !12
  %19 = load i8, ptr %17, align 1, !tbaa !14
  %20 = zext i8 %19 to i64
  %21 = getelementptr inbounds [4 x ptr], ptr @interpret.labels, i64 0, i64 %20
  %22 = load ptr, ptr %21, align 8, !tbaa !12
  br label %43

23:                                               ; preds = %43
  %24 = load i32, ptr %3, align 4, !tbaa !5
  %25 = add nsw i32 %24, 5
  store i32 %25, ptr %3, align 4, !tbaa !5
  %26 = load ptr, ptr %2, align 8, !tbaa !12
  %27 = getelementptr inbounds i8, ptr %26, i32 1
  store ptr %27, ptr %2, align 8, !tbaa !12
  %28 = load i8, ptr %26, align 1, !tbaa !14
  %29 = zext i8 %28 to i64
  %30 = getelementptr inbounds [4 x ptr], ptr @interpret.labels, i64 0, i64 %29
  %31 = load ptr, ptr %30, align 8, !tbaa !12
  br label %43

32:                                               ; preds = %43
  %33 = load i32, ptr %3, align 4, !tbaa !5
  %34 = mul nsw i32 %33, 2
  store i32 %34, ptr %3, align 4, !tbaa !5
  %35 = load ptr, ptr %2, align 8, !tbaa !12
  %36 = getelementptr inbounds i8, ptr %35, i32 1
  store ptr %36, ptr %2, align 8, !tbaa !12
  %37 = load i8, ptr %35, align 1, !tbaa !14
  %38 = zext i8 %37 to i64
  %39 = getelementptr inbounds [4 x ptr], ptr @interpret.labels, i64 0, i64 %38
  %40 = load ptr, ptr %39, align 8, !tbaa !12
  br label %43

41:                                               ; preds = %43
  %42 = load i32, ptr %3, align 4, !tbaa !5
  ret i32 %42

43:                                               ; preds = %32, %23, %10, %1
  %44 = phi ptr [ %9, %1 ], [ %22, %10 ], [ %31, %23 ], [ %40, %32 ]
  indirectbr ptr %44, [label %10, label %23, label %32, label %41]
}

; Function Attrs: nocallback nofree nosync nounwind willreturn memory(argmem: readwrite)
declare void @llvm.lifetime.end.p0(i64 immarg, ptr nocapture) #1

; Function Attrs: minsize noinline nounwind optsize uwtable
define internal i32 @jump_in(i32 noundef %0, i32 noundef %1) #2 {
  %3 = alloca i32, align 4
  %4 = alloca i32, align 4
  %5 = alloca i32, align 4
  store i32 %0, ptr %3, align 4, !tbaa !5
  store i32 %1, ptr %4, align 4, !tbaa !5
  call void @llvm.lifetime.start.p0(i64 4, ptr %5) #4
  store i32 0, ptr %5, align 4, !tbaa !5
  %6 = load i32, ptr %3, align 4, !tbaa !5
  switch i32 %6, label %41 [
    i32 0, label %12
    i32 1, label %18
    i32 2, label %29
  ]

7:                                                ; No predecessors!
  br label %8

8:                                                ; preds = %27, %7
  %9 = load i32, ptr %4, align 4, !tbaa !5
  %10 = icmp sgt i32 %9, 0
  br i1 %10, label %11, label %28

11:                                               ; preds = %8
  br label %12

12:                                               ; preds = %2, %11
  %13 = load i32, ptr %5, align 4, !tbaa !5
  %14 = mul nsw i32 %13, 3
  %15 = add nsw i32 %14, 1
  store i32 %15, ptr %5, align 4, !tbaa !5
  %16 = load i32, ptr %4, align 4, !tbaa !5
  %17 = add nsw i32 %16, -1
  store i32 %17, ptr %4, align 4, !tbaa !5
  br label %18

18:                                               ; preds = %2, %12
  %19 = load i32, ptr %5, align 4, !tbaa !5
  %20 = mul nsw i32 %19, 3
  %21 = add nsw i32 %20, 2
  store i32 %21, ptr %5, align 4, !tbaa !5
  %22 = load i32, ptr %4, align 4, !tbaa !5
  %23 = add nsw i32 %22, -1
  store i32 %23, ptr %4, align 4, !tbaa !5
  %24 = load i32, ptr %4, align 4, !tbaa !5
  %25 = icmp eq i32 %24, 4
  br i1 %25, label %26, label %27

26:                                               ; preds = %18
  br label %30

27:                                               ; preds = %18
  br label %8, !llvm.loop !15

28:                                               ; preds = %8
  br label %49

29:                                               ; preds = %2
  br label %30

30:                                               ; preds = %47, %29, %26
  %31 = load i32, ptr %5, align 4, !tbaa !5
  %32 = mul nsw i32 %31, 5
  %33 = add nsw i32 %32, 3
  store i32 %33, ptr %5, align 4, !tbaa !5
  %34 = load i32, ptr %4, align 4, !tbaa !5
  %35 = sub nsw i32 %34, 2
  store i32 %35, ptr %4, align 4, !tbaa !5
  %36 = load i32, ptr %4, align 4, !tbaa !5
  %37 = icmp sgt i32 %36, 0
  br i1 %37, label %38, label %39

38:                                               ; preds = %30
  br label %40

39:                                               ; preds = %30
  br label %49

40:                                               ; preds = %38
  br label %41

41:                                               ; preds = %2, %40
  %42 = load i32, ptr %5, align 4, !tbaa !5
  %43 = add nsw i32 %42, 7
  store i32 %43, ptr %5, align 4, !tbaa !5
  %44 = load i32, ptr %4, align 4, !tbaa !5
  %45 = add nsw i32 %44, -1
  store i32 %45, ptr %4, align 4, !tbaa !5
  %46 = icmp sgt i32 %45, 1
  br i1 %46, label %47, label %48

47:                                               ; preds = %41
  br label %30

48:                                               ; preds = %41
  br label %49

49:                                               ; preds = %48, %39, %28
  %50 = load i32, ptr %5, align 4, !tbaa !5
  call void @llvm.lifetime.end.p0(i64 4, ptr %5) #4
  ret i32 %50
}

; Function Attrs: minsize optsize
declare i32 @printf(ptr noundef, ...) #3

attributes #0 = { minsize nounwind optsize uwtable "min-legal-vector-width"="0" "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" "tune-cpu"="generic" }
attributes #1 = { nocallback nofree nosync nounwind willreturn memory(argmem: readwrite) }
attributes #2 = { minsize noinline nounwind optsize uwtable "min-legal-vector-width"="0" "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" "tune-cpu"="generic" }
attributes #3 = { minsize optsize "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" "tune-cpu"="generic" }
attributes #4 = { nounwind }
attributes #5 = { minsize optsize }

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
!12 = !{!13, !13, i64 0}
!13 = !{!"any pointer", !7, i64 0}
!14 = !{!7, !7, i64 0}
!15 = distinct !{!15, !10}
