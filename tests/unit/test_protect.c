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
        0,          PAGE_WRITECOPY, PAGE_NOACCESS | PAGE_GUARD,
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
