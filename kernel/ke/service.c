/*
 * The system service dispatcher: from int 2Eh, by number, to a service, with its arguments copied
 * to the kernel stack first. EAX holds the number, EDX the address of the first argument.
 */
#include "kernel/ke/ke.h"
#include "kernel/ex/capture.h"
#include "kernel/ps/ps.h"

#define SERVICE_MAXIMUM_ARGUMENTS 11

typedef struct _KSERVICE {
    const VOID *Routine;
    ULONG Arguments;
} KSERVICE;

/* Addresses are all this table needs; the services' real types are in the headers. */
#define SERVICE(Name, Count) extern const UCHAR KiAddressOf##Name[] __asm__("Nt" #Name);
#include "kernel/services.def"

#undef SERVICE
#define SERVICE(Name, Count) {KiAddressOf##Name, Count},
static const KSERVICE KiServiceTable[] = {
#include "kernel/services.def"
};

NTSTATUS FASTCALL KiCallService(const VOID *Routine, const ULONG *Arguments, ULONG Count);

/* Finds the service and copies its arguments in; then runs it. Interrupts are enabled. */
static NTSTATUS KiDispatchService(ULONG Number, const VOID *UserArguments)
{
    ULONG Arguments[SERVICE_MAXIMUM_ARGUMENTS];
    const KSERVICE *Service = &KiServiceTable[Number];
    NTSTATUS Status;

    if (Number >= RTL_NUMBER_OF(KiServiceTable))
        return STATUS_INVALID_SYSTEM_SERVICE;
    Status = ExCopyIn(Arguments, UserArguments, Service->Arguments * sizeof(ULONG));
    if (!NT_SUCCESS(Status))
        return Status;
    return KiCallService(Service->Routine, Arguments, Service->Arguments);
}

VOID FASTCALL KiSystemServiceHandler(PKTRAP_FRAME Frame)
{
    PKTHREAD Thread = KiGetCurrentThread();
    KPROCESSOR_MODE OldMode = Thread->PreviousMode;
    PKTRAP_FRAME OldFrame = Thread->TrapFrame;

    Thread->PreviousMode = KiIsUserTrap(Frame) ? UserMode : KernelMode;
    Thread->TrapFrame = Frame;
    KeGetCurrentPrcb()->SystemCalls++;
    KiEnableInterrupts();

    Frame->Eax = KiDispatchService(Frame->Eax, (const VOID *)Frame->Edx);

    Thread->PreviousMode = OldMode;
    Thread->TrapFrame = OldFrame;
    if (KiIsUserTrap(Frame))
        KiReturnToUserMode(Frame);
    KiDisableInterrupts();
}
