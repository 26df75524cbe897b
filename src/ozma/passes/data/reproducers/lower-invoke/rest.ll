; ModuleID = '/tmp/ozma-yjiwcne5/rest.bc'
source_filename = "llvm-link"
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-pc-linux-gnu"

%struct.Guard = type { i8 }
%struct.Error = type { i32 }

$_ZN5GuardC2Ev = comdat any

$_ZN5GuardD2Ev = comdat any

$__clang_call_terminate = comdat any

$_ZTS5Error = comdat any

$_ZTI5Error = comdat any

@_ZL5alive = hidden global i32 0, align 4
@_ZTVN10__cxxabiv117__class_type_infoE = external global [0 x ptr]
@_ZTS5Error = weak_odr dso_local constant [7 x i8] c"5Error\00", comdat, align 1
@_ZTI5Error = weak_odr dso_local constant { ptr, ptr } { ptr getelementptr inbounds (ptr, ptr @_ZTVN10__cxxabiv117__class_type_infoE, i64 2), ptr @_ZTS5Error }, comdat, align 8

; Function Attrs: minsize mustprogress norecurse optsize uwtable
define dso_local noundef i32 @main() #0 {
  %1 = alloca i32, align 4
  %2 = alloca i32, align 4
  %3 = alloca i32, align 4
  store i32 0, ptr %1, align 4
  call void @llvm.lifetime.start.p0(i64 4, ptr %2) #6
  store volatile i32 0, ptr %2, align 4, !tbaa !5
  %4 = load volatile i32, ptr %2, align 4, !tbaa !5
  %5 = add nsw i32 2, %4
  %6 = call noundef i32 @_ZL6caughtii(i32 noundef 8, i32 noundef %5) #7
  %7 = icmp ne i32 %6, 4
  br i1 %7, label %12, label %8

8:                                                ; preds = %0
  %9 = load volatile i32, ptr %2, align 4, !tbaa !5
  %10 = call noundef i32 @_ZL6caughtii(i32 noundef 8, i32 noundef %9) #7
  %11 = icmp ne i32 %10, 107
  br i1 %11, label %12, label %13

12:                                               ; preds = %8, %0
  store i32 1, ptr %1, align 4
  store i32 1, ptr %3, align 4
  br label %28

13:                                               ; preds = %8
  %14 = load volatile i32, ptr %2, align 4, !tbaa !5
  %15 = call noundef i32 @_ZL8rethrowni(i32 noundef %14) #7
  %16 = icmp ne i32 %15, -1
  br i1 %16, label %22, label %17

17:                                               ; preds = %13
  %18 = load volatile i32, ptr %2, align 4, !tbaa !5
  %19 = add nsw i32 1, %18
  %20 = call noundef i32 @_ZL8rethrowni(i32 noundef %19) #7
  %21 = icmp ne i32 %20, 1
  br i1 %21, label %22, label %23

22:                                               ; preds = %17, %13
  store i32 2, ptr %1, align 4
  store i32 1, ptr %3, align 4
  br label %28

23:                                               ; preds = %17
  %24 = load i32, ptr @_ZL5alive, align 4, !tbaa !5
  %25 = icmp ne i32 %24, 0
  %26 = zext i1 %25 to i64
  %27 = select i1 %25, i32 3, i32 0
  store i32 %27, ptr %1, align 4
  store i32 1, ptr %3, align 4
  br label %28

28:                                               ; preds = %23, %22, %12
  call void @llvm.lifetime.end.p0(i64 4, ptr %2) #6
  %29 = load i32, ptr %1, align 4
  ret i32 %29
}

; Function Attrs: nocallback nofree nosync nounwind willreturn memory(argmem: readwrite)
declare void @llvm.lifetime.start.p0(i64 immarg, ptr nocapture) #1

; Function Attrs: minsize mustprogress noinline optsize uwtable
declare hidden noundef i32 @_ZL6caughtii(i32 noundef, i32 noundef) #2

; Function Attrs: minsize mustprogress noinline optsize uwtable
define hidden noundef i32 @_ZL8rethrowni(i32 noundef %0) #2 personality ptr @__gxx_personality_v0 {
  %2 = alloca i32, align 4
  %3 = alloca i32, align 4
  %4 = alloca ptr, align 8
  %5 = alloca i32, align 4
  %6 = alloca %struct.Guard, align 1
  %7 = alloca ptr, align 8
  store i32 %0, ptr %3, align 4, !tbaa !5
  %8 = load i32, ptr %3, align 4, !tbaa !5
  %9 = invoke noundef i32 @_ZL6divideii(i32 noundef 1, i32 noundef %8) #7
          to label %10 unwind label %11

10:                                               ; preds = %1
  store i32 %9, ptr %2, align 4
  br label %38

11:                                               ; preds = %1
  %12 = landingpad { ptr, i32 }
          catch ptr null
  %13 = extractvalue { ptr, i32 } %12, 0
  store ptr %13, ptr %4, align 8
  %14 = extractvalue { ptr, i32 } %12, 1
  store i32 %14, ptr %5, align 4
  br label %15

15:                                               ; preds = %11
  %16 = load ptr, ptr %4, align 8
  %17 = call ptr @__cxa_begin_catch(ptr %16) #6
  call void @llvm.lifetime.start.p0(i64 1, ptr %6) #6
  invoke void @_ZN5GuardC2Ev(ptr noundef nonnull align 1 dereferenceable(1) %6) #7
          to label %18 unwind label %19

18:                                               ; preds = %15
  invoke void @__cxa_rethrow() #8
          to label %48 unwind label %23

19:                                               ; preds = %15
  %20 = landingpad { ptr, i32 }
          cleanup
          catch ptr @_ZTI5Error
  %21 = extractvalue { ptr, i32 } %20, 0
  store ptr %21, ptr %4, align 8
  %22 = extractvalue { ptr, i32 } %20, 1
  store i32 %22, ptr %5, align 4
  br label %27

23:                                               ; preds = %18
  %24 = landingpad { ptr, i32 }
          cleanup
          catch ptr @_ZTI5Error
  %25 = extractvalue { ptr, i32 } %24, 0
  store ptr %25, ptr %4, align 8
  %26 = extractvalue { ptr, i32 } %24, 1
  store i32 %26, ptr %5, align 4
  call void @_ZN5GuardD2Ev(ptr noundef nonnull align 1 dereferenceable(1) %6) #9
  br label %27

27:                                               ; preds = %23, %19
  call void @llvm.lifetime.end.p0(i64 1, ptr %6) #6
  invoke void @__cxa_end_catch()
          to label %28 unwind label %45

28:                                               ; preds = %27
  br label %29

29:                                               ; preds = %28
  %30 = load i32, ptr %5, align 4
  %31 = call i32 @llvm.eh.typeid.for.p0(ptr @_ZTI5Error) #6
  %32 = icmp eq i32 %30, %31
  br i1 %32, label %33, label %40

33:                                               ; preds = %29
  call void @llvm.lifetime.start.p0(i64 8, ptr %7) #6
  %34 = load ptr, ptr %4, align 8
  %35 = call ptr @__cxa_begin_catch(ptr %34) #6
  store ptr %35, ptr %7, align 8
  store i32 -1, ptr %2, align 4
  call void @__cxa_end_catch()
  call void @llvm.lifetime.end.p0(i64 8, ptr %7) #6
  br label %38

36:                                               ; No predecessors!
  br label %37

37:                                               ; preds = %36
  unreachable

38:                                               ; preds = %33, %10
  %39 = load i32, ptr %2, align 4
  ret i32 %39

40:                                               ; preds = %29
  %41 = load ptr, ptr %4, align 8
  %42 = load i32, ptr %5, align 4
  %43 = insertvalue { ptr, i32 } poison, ptr %41, 0
  %44 = insertvalue { ptr, i32 } %43, i32 %42, 1
  resume { ptr, i32 } %44

45:                                               ; preds = %27
  %46 = landingpad { ptr, i32 }
          catch ptr null
  %47 = extractvalue { ptr, i32 } %46, 0
  call void @__clang_call_terminate(ptr %47) #10
  unreachable

48:                                               ; preds = %18
  unreachable
}

; Function Attrs: nocallback nofree nosync nounwind willreturn memory(argmem: readwrite)
declare void @llvm.lifetime.end.p0(i64 immarg, ptr nocapture) #1

declare i32 @__gxx_personality_v0(...)

; Function Attrs: minsize mustprogress noinline optsize uwtable
define hidden noundef i32 @_ZL6divideii(i32 noundef %0, i32 noundef %1) #2 personality ptr @__gxx_personality_v0 {
  %3 = alloca i32, align 4
  %4 = alloca i32, align 4
  %5 = alloca %struct.Guard, align 1
  %6 = alloca ptr, align 8
  %7 = alloca i32, align 4
  store i32 %0, ptr %3, align 4, !tbaa !5
  store i32 %1, ptr %4, align 4, !tbaa !5
  call void @llvm.lifetime.start.p0(i64 1, ptr %5) #6
  call void @_ZN5GuardC2Ev(ptr noundef nonnull align 1 dereferenceable(1) %5) #7
  %8 = load i32, ptr %4, align 4, !tbaa !5
  %9 = icmp eq i32 %8, 0
  br i1 %9, label %10, label %17

10:                                               ; preds = %2
  %11 = call ptr @__cxa_allocate_exception(i64 4) #6
  %12 = getelementptr inbounds %struct.Error, ptr %11, i32 0, i32 0
  store i32 7, ptr %12, align 16, !tbaa !9
  invoke void @__cxa_throw(ptr %11, ptr @_ZTI5Error, ptr null) #8
          to label %26 unwind label %13

13:                                               ; preds = %10
  %14 = landingpad { ptr, i32 }
          cleanup
  %15 = extractvalue { ptr, i32 } %14, 0
  store ptr %15, ptr %6, align 8
  %16 = extractvalue { ptr, i32 } %14, 1
  store i32 %16, ptr %7, align 4
  call void @_ZN5GuardD2Ev(ptr noundef nonnull align 1 dereferenceable(1) %5) #9
  call void @llvm.lifetime.end.p0(i64 1, ptr %5) #6
  br label %21

17:                                               ; preds = %2
  %18 = load i32, ptr %3, align 4, !tbaa !5
  %19 = load i32, ptr %4, align 4, !tbaa !5
  %20 = sdiv i32 %18, %19
  call void @_ZN5GuardD2Ev(ptr noundef nonnull align 1 dereferenceable(1) %5) #9
  call void @llvm.lifetime.end.p0(i64 1, ptr %5) #6
  ret i32 %20

21:                                               ; preds = %13
  %22 = load ptr, ptr %6, align 8
  %23 = load i32, ptr %7, align 4
  %24 = insertvalue { ptr, i32 } poison, ptr %22, 0
  %25 = insertvalue { ptr, i32 } %24, i32 %23, 1
  resume { ptr, i32 } %25

26:                                               ; preds = %10
  unreachable
}

declare ptr @__cxa_begin_catch(ptr)

; Function Attrs: minsize mustprogress nounwind optsize uwtable
define weak_odr dso_local void @_ZN5GuardC2Ev(ptr noundef nonnull align 1 dereferenceable(1) %0) unnamed_addr #3 comdat align 2 {
  %2 = alloca ptr, align 8
  store ptr %0, ptr %2, align 8, !tbaa !11
  %3 = load ptr, ptr %2, align 8
  %4 = load i32, ptr @_ZL5alive, align 4, !tbaa !5
  %5 = add nsw i32 %4, 1
  store i32 %5, ptr @_ZL5alive, align 4, !tbaa !5
  ret void
}

declare void @__cxa_rethrow()

; Function Attrs: minsize mustprogress nounwind optsize uwtable
define weak_odr dso_local void @_ZN5GuardD2Ev(ptr noundef nonnull align 1 dereferenceable(1) %0) unnamed_addr #3 comdat align 2 {
  %2 = alloca ptr, align 8
  store ptr %0, ptr %2, align 8, !tbaa !11
  %3 = load ptr, ptr %2, align 8
  %4 = load i32, ptr @_ZL5alive, align 4, !tbaa !5
  %5 = add nsw i32 %4, -1
  store i32 %5, ptr @_ZL5alive, align 4, !tbaa !5
  ret void
}

declare void @__cxa_end_catch()

; Function Attrs: nounwind memory(none)
declare i32 @llvm.eh.typeid.for.p0(ptr) #4

; Function Attrs: minsize noinline noreturn nounwind optsize uwtable
define weak_odr hidden void @__clang_call_terminate(ptr noundef %0) #5 comdat {
  %2 = call ptr @__cxa_begin_catch(ptr %0) #6
  call void @_ZSt9terminatev() #10
  unreachable
}

declare void @_ZSt9terminatev()

declare ptr @__cxa_allocate_exception(i64)

declare void @__cxa_throw(ptr, ptr, ptr)

attributes #0 = { minsize mustprogress norecurse optsize uwtable "min-legal-vector-width"="0" "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" "tune-cpu"="generic" }
attributes #1 = { nocallback nofree nosync nounwind willreturn memory(argmem: readwrite) }
attributes #2 = { minsize mustprogress noinline optsize uwtable "min-legal-vector-width"="0" "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" "tune-cpu"="generic" }
attributes #3 = { minsize mustprogress nounwind optsize uwtable "min-legal-vector-width"="0" "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" "tune-cpu"="generic" }
attributes #4 = { nounwind memory(none) }
attributes #5 = { minsize noinline noreturn nounwind optsize uwtable "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" "tune-cpu"="generic" }
attributes #6 = { nounwind }
attributes #7 = { minsize optsize }
attributes #8 = { noreturn }
attributes #9 = { minsize nounwind optsize }
attributes #10 = { noreturn nounwind }

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
!8 = !{!"Simple C++ TBAA"}
!9 = !{!10, !6, i64 0}
!10 = !{!"_ZTS5Error", !6, i64 0}
!11 = !{!12, !12, i64 0}
!12 = !{!"any pointer", !7, i64 0}
