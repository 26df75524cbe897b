; ModuleID = '/tmp/ozma-hfbxyo5t/alone.bc'
source_filename = "llvm-link"
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-pc-linux-gnu"

%struct.sigaction = type { %union.anon, %struct.__sigset_t, i32, ptr }
%union.anon = type { ptr }
%struct.__sigset_t = type { [16 x i64] }
%struct.itimerval = type { %struct.timeval, %struct.timeval }
%struct.timeval = type { i64, i64 }

@__const.main.action = external hidden unnamed_addr constant %struct.sigaction, align 8
@__const.main.interval = external hidden unnamed_addr constant %struct.itimerval, align 8
@signals = external hidden global i32, align 4
@shared = external hidden global i32, align 4
@seen = external hidden global i32, align 4

; Function Attrs: minsize nounwind optsize uwtable
define dso_local i32 @main() #0 {
  %1 = alloca i32, align 4
  %2 = alloca %struct.sigaction, align 8
  %3 = alloca %struct.itimerval, align 8
  %4 = alloca i32, align 4
  %5 = alloca i32, align 4
  %6 = alloca i32, align 4
  %7 = alloca %struct.__sigset_t, align 8
  store i32 0, ptr %1, align 4
  call void @llvm.lifetime.start.p0(i64 152, ptr %2) #4
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %2, ptr align 8 @__const.main.action, i64 152, i1 false)
  call void @llvm.lifetime.start.p0(i64 32, ptr %3) #4
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %3, ptr align 8 @__const.main.interval, i64 32, i1 false)
  call void @llvm.lifetime.start.p0(i64 4, ptr %4) #4
  store i32 0, ptr %4, align 4, !tbaa !5
  %8 = call i32 @sigaction(i32 noundef 14, ptr noundef %2, ptr noundef null) #5
  %9 = call i32 @setitimer(i32 noundef 0, ptr noundef %3, ptr noundef null) #5
  br label %10

10:                                               ; preds = %19, %0
  %11 = load volatile i32, ptr @signals, align 4, !tbaa !5
  %12 = icmp slt i32 %11, 60
  br i1 %12, label %13, label %22

13:                                               ; preds = %10
  store i32 1, ptr %5, align 4, !tbaa !5
  %14 = load i32, ptr %5, align 4
  %15 = atomicrmw add ptr @shared, i32 %14 seq_cst, align 4
  store i32 %15, ptr %6, align 4
  %16 = load i32, ptr %6, align 4, !tbaa !5
  %17 = load i32, ptr @seen, align 4, !tbaa !5
  %18 = xor i32 %17, %16
  store i32 %18, ptr @seen, align 4, !tbaa !5
  br label %19

19:                                               ; preds = %13
  %20 = load i32, ptr %4, align 4, !tbaa !5
  %21 = add i32 %20, 1
  store i32 %21, ptr %4, align 4, !tbaa !5
  br label %10, !llvm.loop !9

22:                                               ; preds = %10
  call void @llvm.lifetime.start.p0(i64 128, ptr %7) #4
  %23 = call i32 @sigemptyset(ptr noundef %7) #5
  %24 = call i32 @sigaddset(ptr noundef %7, i32 noundef 14) #5
  %25 = call i32 @sigprocmask(i32 noundef 0, ptr noundef %7, ptr noundef null) #5
  %26 = load i32, ptr @shared, align 4, !tbaa !5
  %27 = load i32, ptr %4, align 4, !tbaa !5
  %28 = load volatile i32, ptr @signals, align 4, !tbaa !5
  %29 = add i32 %27, %28
  %30 = icmp eq i32 %26, %29
  %31 = zext i1 %30 to i64
  %32 = select i1 %30, i32 0, i32 1
  call void @llvm.lifetime.end.p0(i64 128, ptr %7) #4
  call void @llvm.lifetime.end.p0(i64 4, ptr %4) #4
  call void @llvm.lifetime.end.p0(i64 32, ptr %3) #4
  call void @llvm.lifetime.end.p0(i64 152, ptr %2) #4
  ret i32 %32
}

; Function Attrs: nocallback nofree nosync nounwind willreturn memory(argmem: readwrite)
declare void @llvm.lifetime.start.p0(i64 immarg, ptr nocapture) #1

; Function Attrs: nocallback nofree nounwind willreturn memory(argmem: readwrite)
declare void @llvm.memcpy.p0.p0.i64(ptr noalias nocapture writeonly, ptr noalias nocapture readonly, i64, i1 immarg) #2

; Function Attrs: minsize nounwind optsize
declare i32 @sigaction(i32 noundef, ptr noundef, ptr noundef) #3

; Function Attrs: minsize nounwind optsize
declare i32 @setitimer(i32 noundef, ptr noundef, ptr noundef) #3

; Function Attrs: minsize nounwind optsize
declare i32 @sigemptyset(ptr noundef) #3

; Function Attrs: minsize nounwind optsize
declare i32 @sigaddset(ptr noundef, i32 noundef) #3

; Function Attrs: minsize nounwind optsize
declare i32 @sigprocmask(i32 noundef, ptr noundef, ptr noundef) #3

; Function Attrs: nocallback nofree nosync nounwind willreturn memory(argmem: readwrite)
declare void @llvm.lifetime.end.p0(i64 immarg, ptr nocapture) #1

attributes #0 = { minsize nounwind optsize uwtable "min-legal-vector-width"="0" "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" "tune-cpu"="generic" }
attributes #1 = { nocallback nofree nosync nounwind willreturn memory(argmem: readwrite) }
attributes #2 = { nocallback nofree nounwind willreturn memory(argmem: readwrite) }
attributes #3 = { minsize nounwind optsize "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" "tune-cpu"="generic" }
attributes #4 = { nounwind }
attributes #5 = { minsize nounwind optsize }

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
