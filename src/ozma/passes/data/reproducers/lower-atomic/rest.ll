; ModuleID = '/tmp/ozma-z0mfnpbv/rest.bc'
source_filename = "llvm-link"
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-pc-linux-gnu"

%struct.sigaction = type { %union.anon, %struct.__sigset_t, i32, ptr }
%union.anon = type { ptr }
%struct.__sigset_t = type { [16 x i64] }

@__const.main.action = hidden unnamed_addr constant %struct.sigaction { %union.anon { ptr @on_signal }, %struct.__sigset_t zeroinitializer, i32 0, ptr null }, align 8
@signals = hidden global i32 0, align 4
@shared = hidden global i32 0, align 4
@seen = hidden global i32 0, align 4

; Function Attrs: minsize nounwind optsize uwtable
define hidden void @start() #0 {
  call void asm sideeffect "pushfq\0A\09orq $$256, (%rsp)\0A\09popfq", "~{memory},~{cc},~{dirflag},~{fpsr},~{flags}"() #1, !srcloc !5
  ret void
}

; Function Attrs: minsize nounwind optsize uwtable
define hidden void @stop() #0 {
  call void asm sideeffect "pushfq\0A\09andq $$-257, (%rsp)\0A\09popfq", "~{memory},~{cc},~{dirflag},~{fpsr},~{flags}"() #1, !srcloc !6
  ret void
}

; Function Attrs: minsize nounwind optsize uwtable
define hidden void @on_signal(i32 noundef %0) #0 {
  %2 = alloca i32, align 4
  %3 = alloca i32, align 4
  %4 = alloca i32, align 4
  store i32 %0, ptr %2, align 4, !tbaa !7
  %5 = load i32, ptr %2, align 4, !tbaa !7
  store i32 1, ptr %3, align 4, !tbaa !7
  %6 = load i32, ptr %3, align 4
  %7 = atomicrmw add ptr @shared, i32 %6 seq_cst, align 4
  store i32 %7, ptr %4, align 4
  %8 = load i32, ptr %4, align 4, !tbaa !7
  %9 = load volatile i32, ptr @signals, align 4, !tbaa !7
  %10 = add nsw i32 %9, 1
  store volatile i32 %10, ptr @signals, align 4, !tbaa !7
  ret void
}

attributes #0 = { minsize nounwind optsize uwtable "min-legal-vector-width"="0" "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" "tune-cpu"="generic" }
attributes #1 = { nounwind }

!llvm.ident = !{!0}
!llvm.module.flags = !{!1, !2, !3, !4}

!0 = !{!"Debian clang version 19.1.7 (3~deb12u1)"}
!1 = !{i32 1, !"wchar_size", i32 4}
!2 = !{i32 8, !"PIC Level", i32 2}
!3 = !{i32 7, !"PIE Level", i32 2}
!4 = !{i32 7, !"uwtable", i32 2}
!5 = !{i64 542, i64 551, i64 572}
!6 = !{i64 648, i64 657, i64 680}
!7 = !{!8, !8, i64 0}
!8 = !{!"int", !9, i64 0}
!9 = !{!"omnipotent char", !10, i64 0}
!10 = !{!"Simple C/C++ TBAA"}
