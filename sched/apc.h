/*
 * Asynchronous procedure calls, as far as the headers that drivers use do not declare them. Drivers
 * that queue APCs declare the first routines themselves, with these well-known prototypes.
 */
#ifndef SCHED_APC_H
#define SCHED_APC_H

#include "sched/sched.h"

/* In which address space of a thread's an APC is to run. */
typedef enum _KAPC_ENVIRONMENT {
    OriginalApcEnvironment, /* in its own process's */
    AttachedApcEnvironment, /* in that which it is attached to */
    CurrentApcEnvironment,  /* in that which it is in when the APC is initialized ... */
    InsertApcEnvironment    /* ... or queued */
} KAPC_ENVIRONMENT;

VOID NTAPI KeInitializeApc(PKAPC Apc, PKTHREAD Thread, KAPC_ENVIRONMENT Environment,
                           PKKERNEL_ROUTINE KernelRoutine, PKRUNDOWN_ROUTINE RundownRoutine,
                           PKNORMAL_ROUTINE NormalRoutine, KPROCESSOR_MODE ApcMode,
                           PVOID NormalContext);
BOOLEAN NTAPI KeInsertQueueApc(PKAPC Apc, PVOID SystemArgument1, PVOID SystemArgument2,
                               KPRIORITY Increment);
BOOLEAN KeRemoveQueueApc(PKAPC Apc); /* FALSE: it was not queued, or is being delivered */
BOOLEAN NTAPI KeAlertThread(PKTHREAD Thread, KPROCESSOR_MODE AlertMode);
BOOLEAN NTAPI KeTestAlertThread(KPROCESSOR_MODE AlertMode);

/* What a user APC is to run in user mode. */
typedef struct _KI_USER_APC {
    PKNORMAL_ROUTINE Routine; /* NULL: nothing, its kernel routine was all */
    PVOID Arguments[3];
} KI_USER_APC;

/* kernel/ps/context.c */
NTSTATUS KiInitializeUserApc(PKTRAP_FRAME Frame, const KI_USER_APC *Apc);

/* apc.c */
VOID KiDeliverKernelApcs(VOID);                /* IRQL: APC_LEVEL */
BOOLEAN KiDeliverUserApc(KI_USER_APC *UserApc); /* IRQL: PASSIVE_LEVEL; TRUE: there is one to run */
VOID KiApcsEnabled(PKTHREAD Thread);           /* its regions have ended; dispatcher lock held */
VOID KeInsertExitApc(PKTHREAD Thread);
VOID KeInsertExitApcs(struct _KPROCESS *Process);
VOID KeRundownApcs(VOID);
VOID KiCheckApcsAtEnd(PKTHREAD Thread);
BOOLEAN KiTakeAlert(PKTHREAD Thread, KPROCESSOR_MODE Mode); /* dispatcher lock held */

/* An APC that can be delivered now waits for it: nobody may block before. Dispatcher lock held. */
static inline BOOLEAN KiIsKernelApcDue(PKTHREAD Thread)
{
    return Thread->ApcState.KernelApcPending && Thread->WaitIrql == PASSIVE_LEVEL &&
           Thread->SpecialApcDisable == 0;
}

#endif
