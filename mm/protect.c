/*
 * Between Windows' PAGE_xxx, the protection codes of software PTEs, and the bits of a valid PTE.
 * Pure: tested on the host. Without PAE there is no execute bit: what can be read can be executed.
 */
#include "mm/pte.h"

static const ULONG MiBaseProtect[] = {
    [MM_READONLY] = PAGE_READONLY,
    [MM_EXECUTE] = PAGE_EXECUTE,
    [MM_EXECUTE_READ] = PAGE_EXECUTE_READ,
    [MM_READWRITE] = PAGE_READWRITE,
    [MM_WRITECOPY] = PAGE_WRITECOPY,
    [MM_EXECUTE_READWRITE] = PAGE_EXECUTE_READWRITE,
    [MM_EXECUTE_WRITECOPY] = PAGE_EXECUTE_WRITECOPY,
};

ULONG MiMakeProtection(ULONG Win32Protect)
{
    ULONG Code, Extra = 0;

    if (Win32Protect == PAGE_NOACCESS)
        return MM_NOACCESS;
    if ((Win32Protect & PAGE_GUARD) && (Win32Protect & PAGE_NOCACHE))
        return MM_INVALID_PROTECTION;
    if (Win32Protect & PAGE_GUARD)
        Extra |= MM_GUARD_PAGE;
    if (Win32Protect & PAGE_NOCACHE)
        Extra |= MM_NOCACHE;
    Win32Protect &= ~(PAGE_GUARD | PAGE_NOCACHE);
    for (Code = MM_READONLY; Code < RTL_NUMBER_OF(MiBaseProtect); Code++) {
        if (MiBaseProtect[Code] && MiBaseProtect[Code] == Win32Protect)
            return Code | Extra;
    }
    return MM_INVALID_PROTECTION;
}

ULONG MiMakeWin32Protect(ULONG Protection)
{
    ULONG Protect = 0;

    if (Protection == MM_NOACCESS)
        return PAGE_NOACCESS;
    if ((Protection & 7) < RTL_NUMBER_OF(MiBaseProtect))
        Protect = MiBaseProtect[Protection & 7];
    if (Protection & MM_GUARD_PAGE)
        Protect |= PAGE_GUARD;
    if (Protection & MM_NOCACHE)
        Protect |= PAGE_NOCACHE;
    return Protect;
}

MMPTE MiMakeValidPte(ULONG Frame, ULONG Protection, ULONG Extra)
{
    MMPTE Pte;

    Pte.Long = (Frame << PAGE_SHIFT) | PTE_VALID | PTE_ACCESSED | Extra;
    if (MiProtectionIsCopy(Protection))
        Pte.Hard.CopyOnWrite = 1;
    else if (MiProtectionAllowsWrite(Protection))
        Pte.Long |= PTE_WRITE;
    if (Protection & MM_NOCACHE)
        Pte.Long |= PTE_NOCACHE;
    Pte.Hard.Protection = Protection;
    return Pte;
}

ULONG MiProtectionOfPte(MMPTE Pte)
{
    if (!Pte.Hard.Valid)
        return Pte.Soft.Protection;
    return (Pte.Hard.Write || Pte.Hard.CopyOnWrite ? MM_READWRITE : 0) | Pte.Hard.Protection |
           (Pte.Hard.CacheDisable ? MM_NOCACHE : 0);
}

MMPTE MiMakeDemandZeroPte(ULONG Protection)
{
    MMPTE Pte;

    Pte.Long = 0;
    Pte.Soft.Protection = Protection;
    return Pte;
}
