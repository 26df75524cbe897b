; ModuleID = '/tmp/ozma-z0mfnpbv/alone.bc'
source_filename = "llvm-link"
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-pc-linux-gnu"

%struct.sigaction = type { %union.anon, %struct.__sigset_t, i32, ptr }
%union.anon = type { ptr }
%struct.__sigset_t = type { [16 x i64] }

@__const.main.action = external hidden unnamed_addr constant %struct.sigaction, align 8
@signals = external hidden global i32, align 4
@shared = external hidden global i32, align 4
@seen = external hidden global i32, align 4

; Function Attrs: minsize nounwind optsize uwtable
define dso_local i32 @main() #0 {
  %1 = alloca i32, align 4
  %2 = alloca %struct.sigaction, align 8
  %3 = alloca i32, align 4
  %4 = alloca i32, align 4
  %5 = alloca i32, align 4
  store i32 0, ptr %1, align 4
  call void @llvm.lifetime.start.p0(i64 152, ptr %2) #4
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %2, ptr align 8 @__const.main.action, i64 152, i1 false)
  call void @llvm.lifetime.start.p0(i64 4, ptr %3) #4
  store i32 0, ptr %3, align 4, !tbaa !5
  %6 = call i32 @sigaction(i32 noundef 5, ptr noundef %2, ptr noundef null) #5
  call void @start() #6
  br label %7

7:                                                ; preds = %16, %0
  %8 = load volatile i32, ptr @signals, align 4, !tbaa !5
  %9 = icmp slt i32 %8, 600
  br i1 %9, label %10, label %19

10:                                               ; preds = %7
  store i32 1, ptr %4, align 4, !tbaa !5
  %11 = load i32, ptr %4, align 4
  %12 = atomicrmw add ptr @shared, i32 %11 seq_cst, align 4
  store i32 %12, ptr %5, align 4
  %13 = load i32, ptr %5, align 4, !tbaa !5
  %14 = load i32, ptr @seen, align 4, !tbaa !5
  %15 = xor i32 %14, %13
  store i32 %15, ptr @seen, align 4, !tbaa !5
  br label %16

16:                                               ; preds = %10
  %17 = load i32, ptr %3, align 4, !tbaa !5
  %18 = add i32 %17, 1
  store i32 %18, ptr %3, align 4, !tbaa !5
  br label %7, !llvm.loop !9

19:                                               ; preds = %7
  call void @stop() #6
  %20 = load i32, ptr @shared, align 4, !tbaa !5
  %21 = load i32, ptr %3, align 4, !tbaa !5
  %22 = load volatile i32, ptr @signals, align 4, !tbaa !5
  %23 = add i32 %21, %22
  %24 = icmp eq i32 %20, %23
  %25 = zext i1 %24 to i64
  %26 = select i1 %24, i32 0, i32 1
  call void @llvm.lifetime.end.p0(i64 4, ptr %3) #4
  call void @llvm.lifetime.end.p0(i64 152, ptr %2) #4
  ret i32 %26
}

; Function Attrs: nocallback nofree nosync nounwind willreturn memory(argmem: readwrite)
declare void @llvm.lifetime.start.p0(i64 immarg, ptr nocapture) #1

; Function Attrs: nocallback nofree nounwind willreturn memory(argmem: readwrite)
declare void @llvm.memcpy.p0.p0.i64(ptr noalias nocapture writeonly, ptr noalias nocapture readonly, i64, i1 immarg) #2

; Function Attrs: minsize nounwind optsize
declare i32 @sigaction(i32 noundef, ptr noundef, ptr noundef) #3

; Function Attrs: minsize nounwind optsize uwtable
declare hidden void @start() #0

; Function Attrs: minsize nounwind optsize uwtable
declare hidden void @stop() #0

; Function Attrs: nocallback nofree nosync nounwind willreturn memory(argmem: readwrite)
declare void @llvm.lifetime.end.p0(i64 immarg, ptr nocapture) #1

attributes #0 = { minsize nounwind optsize uwtable "min-legal-vector-width"="0" "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" "tune-cpu"="generic" }
attributes #1 = { nocallback nofree nosync nounwind willreturn memory(argmem: readwrite) }
attributes #2 = { nocallback nofree nounwind willreturn memory(argmem: readwrite) }
attributes #3 = { minsize nounwind optsize "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" "tune-cpu"="generic" }
attributes #4 = { nounwind }
attributes #5 = { minsize nounwind optsize }
attributes #6 = { minsize optsize }

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
