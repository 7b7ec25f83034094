/*
 * Deals with non-maskable interrupts for a while: those that come (from outside, by QEMU's
 * monitor) until two have been handled. Then it takes its callbacks back, and the next one stops
 * the machine.
 */
#include <ntddk.h>
#include "selftest.h"

static volatile LONG Handled, Seen;
static PVOID First, Second;

/* The later one is called first. */
static BOOLEAN NTAPI SeeFirst(PVOID Context, BOOLEAN HandledAlready)
{
    UNREFERENCED_PARAMETER(HandledAlready);
    InterlockedIncrement(Context);
    return FALSE;
}

static BOOLEAN NTAPI Handle(PVOID Context, BOOLEAN HandledAlready)
{
    if (!HandledAlready && KeGetCurrentProcessorNumber() == 0) /* it comes to all processors */
        InterlockedIncrement(Context);
    return TRUE;
}

static VOID NTAPI Look(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    DbgPrint("nmitest: send an NMI\n");
    while (Handled < 1)
        Delay(1);
    DbgPrint("nmitest: send another\n");
    while (Handled < 2)
        Delay(1);
    Check("all callbacks are called", Seen >= 2);
    CheckEqual("one is taken back", KeDeregisterNmiCallback(First), STATUS_SUCCESS);
    CheckEqual("the other is", KeDeregisterNmiCallback(Second), STATUS_SUCCESS);
    CheckEqual("but not twice", KeDeregisterNmiCallback(Second), STATUS_INVALID_HANDLE);
    DbgPrint("nmitest: %lu passed, %lu failed\n", TestPassed, TestFailed);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

DRIVER_INITIALIZE DriverEntry;

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(RegistryPath);
    First = KeRegisterNmiCallback(Handle, (PVOID)&Handled);
    Second = KeRegisterNmiCallback(SeeFirst, (PVOID)&Seen);
    if (First == NULL || Second == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    ObDereferenceObject(StartThread(Look, NULL));
    return STATUS_SUCCESS;
}
