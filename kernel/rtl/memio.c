/*
 * Lengths of memory and ports in resource descriptors. What is longer than 32 bits is kept in units
 * of 256 bytes, 64 KB or 4 GB, as the descriptor's flags say (WDK: RtlCmEncodeMemIoResource).
 * A length that its unit does not divide cannot be kept.
 */
#include "kernel/rtl/rtl.h"

#define LARGE_FLAGS                                                                                \
    (CM_RESOURCE_MEMORY_LARGE_40 | CM_RESOURCE_MEMORY_LARGE_48 | CM_RESOURCE_MEMORY_LARGE_64)

/* The unit by which a length is kept, as a number of bits, and its flag. */
static ULONG RtlpUnitOf(ULONGLONG Length, PUSHORT Flag)
{
    *Flag = 0;
    if (Length >> 32 == 0)
        return 0;
    *Flag = Length >> 40 == 0   ? CM_RESOURCE_MEMORY_LARGE_40
            : Length >> 48 == 0 ? CM_RESOURCE_MEMORY_LARGE_48
                                : CM_RESOURCE_MEMORY_LARGE_64;
    return Length >> 40 == 0 ? 8 : Length >> 48 == 0 ? 16 : 32;
}

static ULONG RtlpUnitOfFlags(USHORT Flags)
{
    if (Flags & CM_RESOURCE_MEMORY_LARGE_40)
        return 8;
    if (Flags & CM_RESOURCE_MEMORY_LARGE_48)
        return 16;
    return Flags & CM_RESOURCE_MEMORY_LARGE_64 ? 32 : 0;
}

static BOOLEAN RtlpIsMemIo(UCHAR Type)
{
    return Type == CmResourceTypePort || Type == CmResourceTypeMemory ||
           Type == CmResourceTypeMemoryLarge;
}

/* The least length not below the source that a descriptor can keep (WDK:
 * RtlFindClosestEncodableLength). STATUS_NOT_SUPPORTED: there is none. Any IRQL. */
NTSTATUS NTAPI RtlFindClosestEncodableLength(ULONGLONG SourceLength, PULONGLONG TargetLength)
{
    USHORT Flag;
    ULONG Unit = RtlpUnitOf(SourceLength, &Flag);
    ULONGLONG Rounded = (SourceLength + (1ull << Unit) - 1) >> Unit << Unit;

    if (Rounded < SourceLength)
        return STATUS_NOT_SUPPORTED;
    Unit = RtlpUnitOf(Rounded, &Flag); /* it may have become a larger one */
    *TargetLength = Rounded;
    return STATUS_SUCCESS;
}

/* Of both kinds of descriptors: STATUS_INVALID_PARAMETER: another type; STATUS_NOT_SUPPORTED: the
 * length cannot be kept, or a port's is larger than 32 bits. */
static NTSTATUS RtlpEncode(UCHAR Type, ULONGLONG Length, PULONG Unit, PUSHORT Flag)
{
    if (!RtlpIsMemIo(Type))
        return STATUS_INVALID_PARAMETER;
    *Unit = RtlpUnitOf(Length, Flag);
    if (Length & ((1ull << *Unit) - 1) || (*Unit && Type == CmResourceTypePort))
        return STATUS_NOT_SUPPORTED;
    return STATUS_SUCCESS;
}

static UCHAR RtlpTypeFor(UCHAR Type, ULONG Unit)
{
    if (Type == CmResourceTypePort)
        return Type;
    return Unit ? CmResourceTypeMemoryLarge : CmResourceTypeMemory;
}

/* Any IRQL, like the others. */
NTSTATUS NTAPI RtlCmEncodeMemIoResource(PCM_PARTIAL_RESOURCE_DESCRIPTOR Descriptor, UCHAR Type,
                                        ULONGLONG Length, ULONGLONG Start)
{
    ULONG Unit;
    USHORT Flag;
    NTSTATUS Status = RtlpEncode(Type, Length, &Unit, &Flag);

    if (!NT_SUCCESS(Status))
        return Status;
    Descriptor->Type = RtlpTypeFor(Type, Unit);
    if (Type != CmResourceTypePort)
        Descriptor->Flags = (Descriptor->Flags & ~LARGE_FLAGS) | Flag;
    Descriptor->u.Memory.Start.QuadPart = (LONGLONG)Start;
    Descriptor->u.Memory.Length = (ULONG)(Length >> Unit);
    return STATUS_SUCCESS;
}

/* The length; 0: it is neither memory nor a port. */
ULONGLONG NTAPI RtlCmDecodeMemIoResource(PCM_PARTIAL_RESOURCE_DESCRIPTOR Descriptor,
                                         PULONGLONG Start)
{
    ULONG Unit =
        Descriptor->Type == CmResourceTypeMemoryLarge ? RtlpUnitOfFlags(Descriptor->Flags) : 0;

    if (!RtlpIsMemIo(Descriptor->Type))
        return 0;
    if (Start)
        *Start = (ULONGLONG)Descriptor->u.Memory.Start.QuadPart;
    return (ULONGLONG)Descriptor->u.Memory.Length << Unit;
}

NTSTATUS NTAPI RtlIoEncodeMemIoResource(PIO_RESOURCE_DESCRIPTOR Descriptor, UCHAR Type,
                                        ULONGLONG Length, ULONGLONG Alignment,
                                        ULONGLONG MinimumAddress, ULONGLONG MaximumAddress)
{
    ULONG Unit;
    USHORT Flag;
    NTSTATUS Status = RtlpEncode(Type, Length, &Unit, &Flag);

    if (!NT_SUCCESS(Status))
        return Status;
    if (Alignment & ((1ull << Unit) - 1) || Alignment >> Unit >> 32)
        return STATUS_NOT_SUPPORTED;
    Descriptor->Type = RtlpTypeFor(Type, Unit);
    if (Type != CmResourceTypePort)
        Descriptor->Flags = (Descriptor->Flags & ~LARGE_FLAGS) | Flag;
    Descriptor->u.Memory.Length = (ULONG)(Length >> Unit);
    Descriptor->u.Memory.Alignment = (ULONG)(Alignment >> Unit);
    Descriptor->u.Memory.MinimumAddress.QuadPart = (LONGLONG)MinimumAddress;
    Descriptor->u.Memory.MaximumAddress.QuadPart = (LONGLONG)MaximumAddress;
    return STATUS_SUCCESS;
}

ULONGLONG NTAPI RtlIoDecodeMemIoResource(PIO_RESOURCE_DESCRIPTOR Descriptor, PULONGLONG Alignment,
                                         PULONGLONG MinimumAddress, PULONGLONG MaximumAddress)
{
    ULONG Unit =
        Descriptor->Type == CmResourceTypeMemoryLarge ? RtlpUnitOfFlags(Descriptor->Flags) : 0;

    if (!RtlpIsMemIo(Descriptor->Type))
        return 0;
    if (Alignment)
        *Alignment = (ULONGLONG)Descriptor->u.Memory.Alignment << Unit;
    if (MinimumAddress)
        *MinimumAddress = (ULONGLONG)Descriptor->u.Memory.MinimumAddress.QuadPart;
    if (MaximumAddress)
        *MaximumAddress = (ULONGLONG)Descriptor->u.Memory.MaximumAddress.QuadPart;
    return (ULONGLONG)Descriptor->u.Memory.Length << Unit;
}
