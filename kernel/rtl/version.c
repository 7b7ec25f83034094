/*
 * Which Windows this is, as far as drivers ask (WDK, "RtlGetVersion", "RtlVerifyVersionInfo").
 *
 * Locks: none; nothing of it changes. IRQL: PASSIVE_LEVEL (WDK), though any would do.
 */
#include "kernel/nt.h"

#define PLATFORM_NT 2 /* VER_PLATFORM_WIN32_NT of the user-mode headers */

static VOID QueryVersion(PRTL_OSVERSIONINFOEXW Version)
{
    RtlZeroMemory(Version, sizeof(*Version));
    PsGetVersion(&Version->dwMajorVersion, &Version->dwMinorVersion, &Version->dwBuildNumber, NULL);
    Version->dwPlatformId = PLATFORM_NT;
    Version->wSuiteMask = (USHORT)SharedUserData->SuiteMask;
    Version->wProductType = (UCHAR)SharedUserData->NtProductType;
}

/* Fills the long structure if dwOSVersionInfoSize says that it is one, else the short one. */
NTSTATUS NTAPI RtlGetVersion(PRTL_OSVERSIONINFOW lpVersionInformation)
{
    RTL_OSVERSIONINFOEXW Version;
    BOOLEAN Long = lpVersionInformation->dwOSVersionInfoSize == sizeof(Version);
    QueryVersion(&Version);
    Version.dwOSVersionInfoSize = lpVersionInformation->dwOSVersionInfoSize;
    RtlCopyMemory(lpVersionInformation, &Version,
                  Long ? sizeof(Version) : sizeof(*lpVersionInformation));
    return STATUS_SUCCESS;
}

/* Three bits of the mask for each kind of condition; the highest bit of TypeMask says which. */
ULONGLONG NTAPI VerSetConditionMask(ULONGLONG ConditionMask, ULONG TypeMask, UCHAR Condition)
{
    CCHAR Type = RtlFindMostSignificantBit(TypeMask & 0xFF);
    if (Type < 0 || (Condition & VER_CONDITION_MASK) == 0) {
        return 0;
    }
    return ConditionMask | (ULONGLONG)(Condition & VER_CONDITION_MASK)
                               << Type * VER_NUM_BITS_PER_CONDITION_MASK;
}

static ULONG ConditionOf(ULONGLONG ConditionMask, ULONG Type)
{
    ULONG Shift = (ULONG)RtlFindMostSignificantBit(Type) * VER_NUM_BITS_PER_CONDITION_MASK;
    return (ULONG)(ConditionMask >> Shift) & VER_CONDITION_MASK;
}

static BOOLEAN IsFulfilled(ULONG Condition, ULONG Current, ULONG Wanted)
{
    switch (Condition) {
    case VER_EQUAL:
        return Current == Wanted;
    case VER_GREATER:
        return Current > Wanted;
    case VER_GREATER_EQUAL:
        return Current >= Wanted;
    case VER_LESS:
        return Current < Wanted;
    case VER_LESS_EQUAL:
        return Current <= Wanted;
    default:
        return FALSE;
    }
}

/* All of the wanted suites, or one of them. */
static BOOLEAN HasSuites(ULONG Condition, ULONG Current, ULONG Wanted)
{
    return Condition == VER_AND ? (Current & Wanted) == Wanted : (Current & Wanted) != 0;
}

static BOOLEAN IsValidCondition(ULONG Condition, ULONG Type)
{
    return Type == VER_SUITENAME ? Condition == VER_AND || Condition == VER_OR
                                 : Condition >= VER_EQUAL && Condition <= VER_LESS_EQUAL;
}

/* One number that is asked for, and what there is. */
typedef struct _VERSION_PART {
    ULONG Type;
    ULONG Current;
    ULONG Wanted;
} VERSION_PART;

/*
 * The parts of a version number count in order: the first that differs decides, by its own
 * condition; if none does, the last one asked for has to allow that they are equal.
 */
static BOOLEAN VersionFits(const VERSION_PART Parts[4], ULONG TypeMask, ULONGLONG ConditionMask)
{
    BOOLEAN Fits = TRUE;
    for (ULONG i = 0; i < 4; i++) {
        if ((TypeMask & Parts[i].Type) != 0) {
            Fits = IsFulfilled(ConditionOf(ConditionMask, Parts[i].Type), Parts[i].Current,
                               Parts[i].Wanted);
            if (Parts[i].Current != Parts[i].Wanted) {
                break;
            }
        }
    }
    return Fits;
}

/*
 * STATUS_REVISION_MISMATCH: not so. STATUS_INVALID_PARAMETER: nothing is asked for, or no condition
 * for something.
 */
NTSTATUS NTAPI RtlVerifyVersionInfo(PRTL_OSVERSIONINFOEXW VersionInfo, ULONG TypeMask,
                                    ULONGLONG ConditionMask)
{
    RTL_OSVERSIONINFOEXW Now;
    QueryVersion(&Now);
    VERSION_PART Parts[] = {
        {VER_MAJORVERSION, Now.dwMajorVersion, VersionInfo->dwMajorVersion},
        {VER_MINORVERSION, Now.dwMinorVersion, VersionInfo->dwMinorVersion},
        {VER_SERVICEPACKMAJOR, Now.wServicePackMajor, VersionInfo->wServicePackMajor},
        {VER_SERVICEPACKMINOR, Now.wServicePackMinor, VersionInfo->wServicePackMinor},
        {VER_BUILDNUMBER, Now.dwBuildNumber, VersionInfo->dwBuildNumber},
        {VER_PLATFORMID, Now.dwPlatformId, VersionInfo->dwPlatformId},
        {VER_PRODUCT_TYPE, Now.wProductType, VersionInfo->wProductType},
        {VER_SUITENAME, Now.wSuiteMask, VersionInfo->wSuiteMask},
    };
    if (TypeMask == 0 || TypeMask > 0xFF) {
        return STATUS_INVALID_PARAMETER;
    }
    BOOLEAN Fits = TRUE;
    for (ULONG i = 0; i < RTL_NUMBER_OF(Parts); i++) {
        ULONG Condition = ConditionOf(ConditionMask, Parts[i].Type);
        if ((TypeMask & Parts[i].Type) == 0) {
            continue;
        }
        if (!IsValidCondition(Condition, Parts[i].Type)) {
            return STATUS_INVALID_PARAMETER;
        }
        if (Parts[i].Type == VER_SUITENAME) {
            Fits = Fits && HasSuites(Condition, Parts[i].Current, Parts[i].Wanted);
        } else if (i >= 4) {
            Fits = Fits && IsFulfilled(Condition, Parts[i].Current, Parts[i].Wanted);
        }
    }
    Fits = Fits && VersionFits(Parts, TypeMask, ConditionMask);
    return Fits ? STATUS_SUCCESS : STATUS_REVISION_MISMATCH;
}
