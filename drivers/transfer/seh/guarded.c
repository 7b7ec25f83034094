/*
 * What a driver does with addresses of user mode's that nobody has checked (WDK: Handling
 * Exceptions; Using Neither Buffered Nor Direct I/O). Two things may be wrong with them, and it
 * takes two precautions:
 *
 *      they may be the kernel's: then the processor lets the driver do what the program may not.
 *      ProbeForRead and ProbeForWrite refuse them.
 *      there may be nothing, or nothing that can be written; or another thread may free it, even
 *      between the probe and the access. So both are in one __try.
 *
 * This runs in the thread, and so in the address space, of whoever made the request.
 */
#include "../device.h"
#include <excpt.h>

/* Returns the exception's code if an address is bad; what has been written by then stays. */
NTSTATUS TransferCarryOutGuarded(const TRANSFER *Transfer, PULONG Information)
{
    *Information = 0;
    __try {
        if (Transfer->FromUser)
            ProbeForRead((PVOID)Transfer->From, Transfer->Length, sizeof(CHAR));
        if (Transfer->ToUser)
            ProbeForWrite(Transfer->To, Transfer->Length, sizeof(CHAR));
        TransferCarryOut(Transfer, Information);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        *Information = 0;
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
