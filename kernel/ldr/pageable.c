/*
 * Pageable parts of drivers: what a driver says of its PAGE sections. They stay in memory as yet,
 * so all of it is counting: an image has as many locks as were taken and not given back. A handle
 * is the image's entry in the list of modules.
 *
 * Source: WDK, "MmLockPagableDataSection", "MmPageEntireDriver"; Bug Check 0x1A, 1010 and 1234.
 */
#include "kernel/ke/ke.h"
#include "kernel/ldr/ldr.h"

#define NO_SUCH_SECTION 0x1234
#define NOT_LOCKED      0x1010

/* Locks the section that an address lies in, and returns its handle. IRQL <= APC_LEVEL. */
PVOID NTAPI MmLockPagableDataSection(PVOID AddressWithinSection)
{
    PLDR_MODULE Module = LdrFindModuleByAddress(AddressWithinSection);

    KI_ASSERT_IRQL(APC_LEVEL);
    if (Module == NULL)
        KeBugCheckEx(MEMORY_MANAGEMENT, NO_SUCH_SECTION, (ULONG_PTR)AddressWithinSection, 0, 0);
    MmLockPagableSectionByHandle(Module);
    return Module;
}

VOID NTAPI MmLockPagableSectionByHandle(PVOID ImageSectionHandle)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    InterlockedIncrement(&((PLDR_MODULE)ImageSectionHandle)->SectionLocks);
}

VOID NTAPI MmUnlockPagableImageSection(PVOID ImageSectionHandle)
{
    KI_ASSERT_IRQL(APC_LEVEL);
    if (InterlockedDecrement(&((PLDR_MODULE)ImageSectionHandle)->SectionLocks) < 0)
        KeBugCheckEx(MEMORY_MANAGEMENT, NOT_LOCKED, (ULONG_PTR)ImageSectionHandle, 0, 0);
}

/* All of the driver may be paged from now on. Returns its base, NULL if it is none's address. */
PVOID NTAPI MmPageEntireDriver(PVOID AddressWithinSection)
{
    PLDR_MODULE Module = LdrFindModuleByAddress(AddressWithinSection);

    KI_ASSERT_IRQL(APC_LEVEL);
    return Module ? Module->DllBase : NULL;
}

/* What its sections say holds again. */
VOID NTAPI MmResetDriverPaging(PVOID AddressWithinSection)
{
    UNREFERENCED_PARAMETER(AddressWithinSection);
    KI_ASSERT_IRQL(APC_LEVEL);
}
