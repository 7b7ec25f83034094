/*
 * How drivers filter what is done with keys (callback.c): each service describes itself as a call,
 * asks whether to go on, and returns what comes out at the end:
 *
 *     REG_DELETE_KEY_INFORMATION Info = {.Object = Body};
 *     CM_CALL Call = CM_CALL_OF(DeleteKey, Info, Body);
 *     if (CmpBeginCall(&Call))
 *         Call.Status = CmpDeleteKey(Body);
 *     Status = CmpEndCall(&Call);
 *
 * IRQL: PASSIVE_LEVEL, and CmpLock is not held.
 */
#ifndef KERNEL_CM_CALLBACK_H
#define KERNEL_CM_CALLBACK_H

#include "kernel/cm/cm.h"

#define CM_MOST_CALLBACKS 16 /* that can be registered at a time */

typedef struct _CM_CALL {
    REG_NOTIFY_CLASS Before, After;
    PVOID Information;    /* REG_xxx_INFORMATION */
    ULONG CallContext;    /* its offset in that; the object's context follows it */
    CM_KEY_BODY *Body;    /* whose contexts drivers get; NULL: nobody's */
    CM_KEY_BODY **Result; /* of opening a key: where it is; drivers may change it */
    NTSTATUS Status;
    ULONG Told; /* how many callbacks have agreed; each is held */
    struct _CM_TOLD {
        struct _CM_CALLBACK *Callback;
        PVOID Context; /* what it has put into CallContext */
    } Of[CM_MOST_CALLBACKS];
} CM_CALL;

#define CM_CALL_OF(Operation, Info, Key)                                                           \
    {                                                                                              \
        .Before = RegNtPre##Operation, .After = RegNtPost##Operation, .Information = &(Info),      \
        .CallContext = FIELD_OFFSET(__typeof__(Info), CallContext), .Body = (Key)                  \
    }

/* FALSE: a driver has decided; the service does nothing, and Call->Status is not used. */
BOOLEAN CmpBeginCall(CM_CALL *Call);
/* What the service is to return: Call->Status, unless a driver changes it. */
NTSTATUS CmpEndCall(CM_CALL *Call);

/* The last reference of a key object has gone: its contexts go, too. */
VOID CmpTellOfClose(CM_KEY_BODY *Body, VOID (*Close)(CM_KEY_BODY *Body));

VOID CmpInitializeCallbacks(VOID);

#endif
