; ModuleID = '/tmp/ozma-vkifqjwf/alone.bc'
source_filename = "llvm-link"
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-pc-linux-gnu"

@step = external dso_local global i16, align 2
@total = external dso_local global i32, align 4
@spare = external dso_local global i32, align 4
@gate = external dso_local global i32, align 4

; Function Attrs: minsize nounwind optsize uwtable
define dso_local i32 @main() #0 {
  %1 = alloca i32, align 4
  %2 = alloca [1 x i32], align 4
  store i32 0, ptr %1, align 4
  call void @llvm.lifetime.start.p0(i64 4, ptr %2) #2
  br label %3

3:                                                ; preds = %30, %0
  %4 = load i16, ptr @step, align 2, !tbaa !5
  %5 = sext i16 %4 to i32
  %6 = icmp slt i32 %5, 2
  br i1 %6, label %7, label %33

7:                                                ; preds = %3
  store i32 0, ptr @total, align 4, !tbaa !9
  %8 = load i16, ptr @step, align 2, !tbaa !5
  %9 = sext i16 %8 to i32
  %10 = icmp eq i32 %9, 20000
  br i1 %10, label %11, label %16

11:                                               ; preds = %7
  %12 = load i16, ptr @step, align 2, !tbaa !5
  %13 = sext i16 %12 to i64
  %14 = getelementptr inbounds [1 x i32], ptr %2, i64 0, i64 %13
  %15 = load i32, ptr %14, align 4, !tbaa !9
  store i32 %15, ptr @total, align 4, !tbaa !9
  br label %16

16:                                               ; preds = %11, %7
  %17 = load i32, ptr @spare, align 4, !tbaa !9
  %18 = icmp ne i32 %17, 0
  br i1 %18, label %29, label %19

19:                                               ; preds = %16
  %20 = load i16, ptr @step, align 2, !tbaa !5
  %21 = sext i16 %20 to i32
  %22 = icmp ne i32 %21, 0
  br i1 %22, label %29, label %23

23:                                               ; preds = %19
  br label %24

24:                                               ; preds = %27, %23
  %25 = load i32, ptr @gate, align 4, !tbaa !9
  %26 = icmp ne i32 %25, 0
  br i1 %26, label %27, label %28

27:                                               ; preds = %24
  br label %24, !llvm.loop !11

28:                                               ; preds = %24
  br label %29

29:                                               ; preds = %28, %19, %16
  br label %30

30:                                               ; preds = %29
  %31 = load i16, ptr @step, align 2, !tbaa !5
  %32 = add i16 %31, 1
  store i16 %32, ptr @step, align 2, !tbaa !5
  br label %3, !llvm.loop !13

33:                                               ; preds = %3
  %34 = load i32, ptr @total, align 4, !tbaa !9
  call void @llvm.lifetime.end.p0(i64 4, ptr %2) #2
  ret i32 %34
}

; Function Attrs: nocallback nofree nosync nounwind willreturn memory(argmem: readwrite)
declare void @llvm.lifetime.start.p0(i64 immarg, ptr nocapture) #1

; Function Attrs: nocallback nofree nosync nounwind willreturn memory(argmem: readwrite)
declare void @llvm.lifetime.end.p0(i64 immarg, ptr nocapture) #1

attributes #0 = { minsize nounwind optsize uwtable "min-legal-vector-width"="0" "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" "tune-cpu"="generic" }
attributes #1 = { nocallback nofree nosync nounwind willreturn memory(argmem: readwrite) }
attributes #2 = { nounwind }

!llvm.ident = !{!0}
!llvm.module.flags = !{!1, !2, !3, !4}

!0 = !{!"Debian clang version 19.1.7 (3~deb12u1)"}
!1 = !{i32 1, !"wchar_size", i32 4}
!2 = !{i32 8, !"PIC Level", i32 2}
!3 = !{i32 7, !"PIE Level", i32 2}
!4 = !{i32 7, !"uwtable", i32 2}
!5 = !{!6, !6, i64 0}
!6 = !{!"short", !7, i64 0}
!7 = !{!"omnipotent char", !8, i64 0}
!8 = !{!"Simple C/C++ TBAA"}
!9 = !{!10, !10, i64 0}
!10 = !{!"int", !7, i64 0}
!11 = distinct !{!11, !12}
!12 = !{!"llvm.loop.mustprogress"}
!13 = distinct !{!13, !12}
