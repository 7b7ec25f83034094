/*
 * Hard errors: what the user of the machine should know, and in Windows is asked about in a window.
 * Here nobody can be asked: a line on the log says it, unless the thread has turned that off.
 */
#include "kernel/kd/kd.h"
#include "kernel/ps/ps.h"

#define PARAMETERS_MOST           4
#define RESPONSE_RETURN_TO_CALLER 0 /* nobody has answered */

/* Says whether hard errors were reported before (WDK: IoSetThreadHardErrorMode). IRQL <=
 * DISPATCH_LEVEL. */
BOOLEAN NTAPI IoSetThreadHardErrorMode(BOOLEAN EnableHardErrors)
{
    PETHREAD Thread = (PETHREAD)KiGetCurrentThread();
    BOOLEAN Enabled = !Thread->HardErrorsDisabled;

    KI_ASSERT_IRQL(DISPATCH_LEVEL);
    Thread->HardErrorsDisabled = !EnableHardErrors;
    return Enabled;
}

/* FALSE: the thread does not want it said. */
static BOOLEAN IopReportHardError(PETHREAD Thread, NTSTATUS Status, PUNICODE_STRING String)
{
    UNICODE_STRING None = {0, 0, L""};

    if (Thread->HardErrorsDisabled)
        return FALSE;
    KdPrintLine("%s - System Error: status %08lx %wZ\n", Thread->ThreadsProcess->ImageFileName,
                Status, String ? String : &None);
    return TRUE;
}

/*
 * Tells of an error; Thread: on behalf of whom, NULL: of the caller (WDK:
 * IoRaiseInformationalHardError). FALSE: that thread has turned hard errors off. IRQL <= APC_LEVEL.
 */
BOOLEAN NTAPI IoRaiseInformationalHardError(NTSTATUS ErrorStatus, PUNICODE_STRING String,
                                            PKTHREAD Thread)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    return IopReportHardError((PETHREAD)(Thread ? Thread : KiGetCurrentThread()), ErrorStatus,
                              String);
}

/*
 * Tells of a packet's failure. Nobody can say that it be tried again, so it is completed as it is
 * (WDK: IoRaiseHardError). IRQL <= APC_LEVEL; the packet is the caller's, and gone afterwards.
 */
VOID NTAPI IoRaiseHardError(PIRP Irp, PVPB Vpb, PDEVICE_OBJECT RealDeviceObject)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    UNREFERENCED_PARAMETER(Vpb);
    UNREFERENCED_PARAMETER(RealDeviceObject);
    IopReportHardError((PETHREAD)KiGetCurrentThread(), Irp->IoStatus.Status, NULL);
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

/*
 * Tells of an error with up to four parameters, of which the mask says which are strings: the first
 * string is said, too. IRQL: PASSIVE_LEVEL. STATUS_INVALID_PARAMETER_2: too many. (Undocumented,
 * but exported and used.)
 */
NTSTATUS NTAPI ExRaiseHardError(NTSTATUS ErrorStatus, ULONG NumberOfParameters,
                                ULONG UnicodeStringParameterMask, PULONG_PTR Parameters,
                                ULONG ValidResponseOptions, PULONG Response)
{
    PUNICODE_STRING String = NULL;

    KI_ASSERT_IRQL(PASSIVE_LEVEL);
    UNREFERENCED_PARAMETER(ValidResponseOptions);
    if (NumberOfParameters > PARAMETERS_MOST)
        return STATUS_INVALID_PARAMETER_2;
    UnicodeStringParameterMask &= (1u << NumberOfParameters) - 1;
    if (UnicodeStringParameterMask)
        String = (PUNICODE_STRING)Parameters[__builtin_ctz(UnicodeStringParameterMask)];
    IopReportHardError((PETHREAD)KiGetCurrentThread(), ErrorStatus, String);
    *Response = RESPONSE_RETURN_TO_CALLER;
    return STATUS_SUCCESS;
}
