/*
 * Between PAGE_xxx, protection codes and PTE bits: there and back, and what is refused.
 */
#include "kernel/nt.h"
#include "mm/pte.h"
#include "unit.h"

static void ProtectionsGoThereAndBack(void)
{
    static const ULONG Good[] = {PAGE_NOACCESS,
                                 PAGE_READONLY,
                                 PAGE_READWRITE,
                                 PAGE_EXECUTE,
                                 PAGE_EXECUTE_READ,
                                 PAGE_EXECUTE_READWRITE,
                                 PAGE_WRITECOPY,
                                 PAGE_EXECUTE_WRITECOPY,
                                 PAGE_READWRITE | PAGE_GUARD,
                                 PAGE_READONLY | PAGE_NOCACHE};
    ULONG i;

    for (i = 0; i < sizeof Good / sizeof Good[0]; i++) {
        ULONG Code = MiMakeProtection(Good[i]);
        CHECK(Code != MM_INVALID_PROTECTION && Code < 32);
        CHECK(MiMakeWin32Protect(Code) == Good[i]);
    }
}

static void EverythingElseIsRefused(void)
{
    static const ULONG Bad[] = {
        0,          0x100000, PAGE_NOACCESS | PAGE_GUARD,
        3,          0x80000000,     PAGE_READONLY | PAGE_READWRITE,
        PAGE_GUARD, 0xFFFFFFFF,     PAGE_READWRITE | PAGE_GUARD | PAGE_NOCACHE};
    ULONG i;

    for (i = 0; i < sizeof Bad / sizeof Bad[0]; i++)
        CHECK(MiMakeProtection(Bad[i]) == MM_INVALID_PROTECTION);
}

static void ValidPtesSayWhatIsAllowed(void)
{
    MMPTE Pte = MiMakeValidPte(0x12345, MM_EXECUTE_READ, PTE_USER);

    CHECK(Pte.Hard.Valid && !Pte.Hard.Write && Pte.Hard.Owner && !Pte.Hard.Global);
    CHECK(Pte.Hard.PageFrameNumber == 0x12345);
    Pte = MiMakeValidPte(0xFFFFF, MM_READWRITE | MM_NOCACHE, PTE_GLOBAL);
    CHECK(Pte.Hard.Write && !Pte.Hard.Owner && Pte.Hard.Global && Pte.Hard.CacheDisable);
    Pte = MiMakeValidPte(0x12345, MM_EXECUTE_WRITECOPY, PTE_USER);
    CHECK(!Pte.Hard.Write && Pte.Hard.CopyOnWrite);
    CHECK(MiProtectionOfPte(Pte) == MM_EXECUTE_WRITECOPY);
    CHECK(MiProtectionIsCopy(MM_WRITECOPY) && !MiProtectionIsCopy(MM_READWRITE) &&
          !MiProtectionIsCopy(MM_READONLY) && !MiProtectionIsCopy(MM_NOACCESS));
    Pte = MiMakeDemandZeroPte(MM_READWRITE | MM_GUARD_PAGE);
    CHECK(!Pte.Hard.Valid && Pte.Soft.Protection == (MM_READWRITE | MM_GUARD_PAGE) && Pte.Long);
    CHECK(!MiProtectionAllowsAccess(MM_NOACCESS) && !MiProtectionAllowsAccess(Pte.Soft.Protection));
    CHECK(MiProtectionAllowsWrite(MM_EXECUTE_READWRITE) && !MiProtectionAllowsWrite(MM_READONLY));
}

int main(void)
{
    RUN(ProtectionsGoThereAndBack);
    RUN(EverythingElseIsRefused);
    RUN(ValidPtesSayWhatIsAllowed);
    printf("%u checks\n", UnitChecks);
    return 0;
}
