/*
 * Controller objects: one chip for several devices, each of which waits for its turn (WDK:
 * Controller Objects). The extension lies behind the object.
 */
#include "kernel/io/io.h"
#include "kernel/ke/ke.h"
#include "kernel/rtl/rtl.h"

#define TAG_CONTROLLER 'rtnC'

PCONTROLLER_OBJECT NTAPI IoCreateController(ULONG Size)
{
    PCONTROLLER_OBJECT Controller;

    KI_ASSERT_IRQL(APC_LEVEL);
    if (Size > MAXUSHORT)
        return NULL;
    Controller = ExAllocatePoolWithTag(NonPagedPool, sizeof *Controller + Size, TAG_CONTROLLER);
    if (Controller == NULL)
        return NULL;
    RtlZeroMemory(Controller, sizeof *Controller + Size);
    Controller->Type = IO_TYPE_CONTROLLER;
    Controller->Size = sizeof *Controller;
    Controller->ControllerExtension = Controller + 1;
    KeInitializeDeviceQueue(&Controller->DeviceWaitQueue);
    return Controller;
}

VOID NTAPI IoDeleteController(PCONTROLLER_OBJECT ControllerObject)
{
    ExFreePoolWithTag(ControllerObject, TAG_CONTROLLER);
}

/* Calls a routine when the controller is free. IRQL: DISPATCH_LEVEL. */
VOID NTAPI IoAllocateController(PCONTROLLER_OBJECT ControllerObject, PDEVICE_OBJECT DeviceObject,
                                PDRIVER_CONTROL ExecutionRoutine, PVOID Context)
{
    PWAIT_CONTEXT_BLOCK Wait = &DeviceObject->Queue.Wcb;

    Wait->DeviceRoutine = ExecutionRoutine;
    Wait->DeviceContext = Context;
    Wait->DeviceObject = DeviceObject;
    Wait->CurrentIrp = DeviceObject->CurrentIrp;
    if (!KeInsertDeviceQueue(&ControllerObject->DeviceWaitQueue, &Wait->WaitQueueEntry) &&
        ExecutionRoutine(DeviceObject, DeviceObject->CurrentIrp, NULL, Context) == DeallocateObject)
        IoFreeController(ControllerObject);
}

/* The next device has its turn. IRQL: DISPATCH_LEVEL. */
VOID NTAPI IoFreeController(PCONTROLLER_OBJECT ControllerObject)
{
    PKDEVICE_QUEUE_ENTRY Entry;

    while ((Entry = KeRemoveDeviceQueue(&ControllerObject->DeviceWaitQueue)) != NULL) {
        PWAIT_CONTEXT_BLOCK Wait = CONTAINING_RECORD(Entry, WAIT_CONTEXT_BLOCK, WaitQueueEntry);
        PDEVICE_OBJECT Device = Wait->DeviceObject;
        if (Wait->DeviceRoutine(Device, Device->CurrentIrp, NULL, Wait->DeviceContext) !=
            DeallocateObject)
            break;
    }
}
