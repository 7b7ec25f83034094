/*
 * Where members of the kernel's own structures stand: drivers' debugging aids, debugger scripts and
 * well-known kernel-mode tests look for them at the offsets that Windows Server 2003 gave them on
 * x86. A member that moves away from there does not compile. What is not listed is ours to place.
 */
#include "kernel/ps/ps.h"

#define AT(Structure, Offset, Member)                                                              \
    _Static_assert(FIELD_OFFSET(Structure, Member) == (Offset),                                    \
                   #Structure "." #Member " is not at " #Offset)

AT(KTHREAD, 0x010, MutantListHead);
AT(KTHREAD, 0x018, InitialStack);
AT(KTHREAD, 0x01C, StackLimit);
AT(KTHREAD, 0x020, KernelStack);
AT(KTHREAD, 0x028, ApcState);
AT(KTHREAD, 0x038, ApcState.Process);
AT(KTHREAD, 0x03D, ApcState.KernelApcPending);
AT(KTHREAD, 0x03E, ApcState.UserApcPending);
AT(KTHREAD, 0x040, NextProcessor);
AT(KTHREAD, 0x048, ContextSwitches);
AT(KTHREAD, 0x04C, State);
AT(KTHREAD, 0x04D, NpxState);
AT(KTHREAD, 0x04E, WaitIrql);
AT(KTHREAD, 0x04F, WaitMode);
AT(KTHREAD, 0x050, WaitStatus);
AT(KTHREAD, 0x059, WaitNext);
AT(KTHREAD, 0x05A, WaitReason);
AT(KTHREAD, 0x05B, Priority);
AT(KTHREAD, 0x05E, Alerted);
AT(KTHREAD, 0x070, KernelApcDisable);
AT(KTHREAD, 0x070, CombinedApcDisable);
AT(KTHREAD, 0x072, SpecialApcDisable);
AT(KTHREAD, 0x074, Teb);
AT(KTHREAD, 0x0A8, WaitBlock);
AT(KTHREAD, 0x0D7, PreviousMode);
AT(KTHREAD, 0x110, TrapFrame);
AT(KTHREAD, 0x114, CallbackStack);
AT(KTHREAD, 0x118, ServiceTable);
AT(KTHREAD, 0x11C, ApcStateIndex);
AT(KTHREAD, 0x121, BasePriority);
AT(KTHREAD, 0x158, StackBase);
AT(KTHREAD, 0x15D, Quantum);
AT(KTHREAD, 0x160, KernelTime);
AT(KTHREAD, 0x18C, UserTime);
C_ASSERT(sizeof(KTHREAD) == 0x1B8);

AT(ETHREAD, 0x1E4, Cid);

AT(KPROCESS, 0x018, DirectoryTableBase);
AT(KPROCESS, 0x020, LdtDescriptor);
AT(KPROCESS, 0x028, Int21Descriptor);
AT(KPROCESS, 0x030, IopmOffset);
AT(KPROCESS, 0x050, ThreadListHead);
C_ASSERT(sizeof(KPROCESS) == 0x78);

AT(EPROCESS, 0x094, UniqueProcessId);

/* The public part of a processor's control region is the DDK's; these are fs:[...]. */
AT(KIPCR, 0x020, Pcr.Prcb);
AT(KIPCR, 0x024, Pcr.Irql);
AT(KIPCR, 0x028, Pcr.IRR);
AT(KIPCR, 0x120, PrcbData);
AT(KIPCR, 0x124, PrcbData.CurrentThread);
AT(KIPCR, 0x128, PrcbData.NextThread);

AT(KPRCB, 0x004, CurrentThread);
AT(KPRCB, 0x008, NextThread);
AT(KPRCB, 0x00C, IdleThread);
AT(KPRCB, 0x010, Number);
AT(KPRCB, 0x012, BuildType);
AT(KPRCB, 0x014, SetMember);
AT(KPRCB, 0x418, LockQueue);
AT(KPRCB, 0x520, NpxThread);
AT(KPRCB, 0x524, InterruptCount);
AT(KPRCB, 0x528, KernelTime);
AT(KPRCB, 0x52C, UserTime);
AT(KPRCB, 0x530, DpcTime);
AT(KPRCB, 0x598, SystemCalls);
AT(KPRCB, 0x920, DpcData);
AT(KPRCB, 0x948, DpcStack);
AT(KPRCB, 0x958, DpcInterruptRequested);
AT(KPRCB, 0x95A, DpcRoutineActive);
AT(KPRCB, 0x968, TimerRequest);
AT(KPRCB, 0x970, DpcEvent);
AT(KPRCB, 0x981, QuantumEnd);

/* An object's header lies before its body. */
#define BEFORE_BODY(Offset, Member)                                                                \
    _Static_assert(sizeof(OBJECT_HEADER) - FIELD_OFFSET(OBJECT_HEADER, Member) == (Offset),        \
                   #Member " is not " #Offset " before the object")

BEFORE_BODY(0x18, PointerCount);
BEFORE_BODY(0x14, HandleCount);
BEFORE_BODY(0x10, Type);
