/*
 * LZNT1, the compression of NTFS (WDK: RtlCompressBuffer; [MS-XCA] 2.5). Data is cut into chunks of
 * 4 KB. A chunk has a header (bits 0-11: its bytes, with the header, less 3; bits 12-14: 3; bit 15:
 * it is compressed) and then groups of eight elements behind a byte that says for each whether
 * it is a byte (0) or a pair of distance and length in two bytes (1). How many bits of a pair
 * are the distance's depends on how far into the chunk it stands.
 *
 * No byte outside the caller's buffers is touched, whatever is in them.
 */
#include "kernel/rtl/rtl.h"

#define CHUNK_BYTES     4096
#define CHUNK_SIGNATURE 0x3000
#define CHUNK_PACKED    0x8000
#define HEADER_BYTES    2
#define LEAST_LENGTH    3
#define HASH_SIZE       4096
#define CHAIN_STANDARD  8 /* earlier places that are tried for a match */
#define CHAIN_MAXIMUM   256
#define NOWHERE         0xFFFF

/* What RtlCompressBuffer is lent: places in the chunk, by what stands there. */
typedef struct _LZ_WORKSPACE {
    USHORT First[HASH_SIZE];
    USHORT Next[CHUNK_BYTES];
} LZ_WORKSPACE;

static ULONG RtlpGetUshort(const UCHAR *From)
{
    return From[0] | From[1] << 8;
}

static VOID RtlpPutUshort(PUCHAR To, ULONG Value)
{
    To[0] = (UCHAR)Value;
    To[1] = (UCHAR)(Value >> 8);
}

/* The bits of a pair that are the length's, at a place in the chunk. */
static ULONG RtlpLengthBits(ULONG Place)
{
    ULONG Bits = 12;

    while (Place > 16u << (12 - Bits))
        Bits--;
    return Bits;
}

/* STATUS_UNSUPPORTED_COMPRESSION but for LZNT1; STATUS_INVALID_PARAMETER: none, or the default. */
static NTSTATUS RtlpCheckFormat(USHORT FormatAndEngine)
{
    USHORT Format = FormatAndEngine & 0xFF, Engine = FormatAndEngine & 0xFF00;

    if (Format == COMPRESSION_FORMAT_NONE || Format == COMPRESSION_FORMAT_DEFAULT)
        return STATUS_INVALID_PARAMETER;
    if (Format != COMPRESSION_FORMAT_LZNT1)
        return STATUS_UNSUPPORTED_COMPRESSION;
    return Engine == COMPRESSION_ENGINE_STANDARD || Engine == COMPRESSION_ENGINE_MAXIMUM
               ? STATUS_SUCCESS
               : STATUS_NOT_SUPPORTED;
}

/* ---- Decompression -----------------------------------------------------------------------------
 */

/* Copies what stands Distance back; it may run into itself. Returns the new place. */
static ULONG RtlpCopyBack(PUCHAR Out, ULONG Place, ULONG Distance, ULONG Length, ULONG Room)
{
    while (Length-- && Place < Room) {
        Out[Place] = Out[Place - Distance];
        Place++;
    }
    return Place;
}

/* One compressed chunk's elements; *Written bytes, Room at most. */
static NTSTATUS RtlpUnpack(const UCHAR *In, const UCHAR *End, PUCHAR Out, ULONG Room,
                           PULONG Written)
{
    ULONG Place = 0, Flags = 1;

    while (In < End && Place < Room) {
        if (Flags == 1) {
            Flags = *In++ | 0x100;
            continue;
        }
        if (Flags & 1) {
            ULONG Bits = RtlpLengthBits(Place), Pair, Distance;
            if (End - In < 2)
                return STATUS_BAD_COMPRESSION_BUFFER;
            Pair = RtlpGetUshort(In);
            In += 2;
            Distance = (Pair >> Bits) + 1;
            if (Distance > Place)
                return STATUS_BAD_COMPRESSION_BUFFER;
            Place = RtlpCopyBack(Out, Place, Distance, (Pair & ((1u << Bits) - 1)) + LEAST_LENGTH,
                                 Room);
        } else {
            Out[Place++] = *In++;
        }
        Flags >>= 1;
    }
    *Written = Place;
    return STATUS_SUCCESS;
}

/* The chunk at *In, which is moved behind it. *Bytes: with the header; 0: there is no more. */
static NTSTATUS RtlpFindChunk(const UCHAR **In, const UCHAR *End, const UCHAR **Data, PULONG Bytes,
                              PBOOLEAN Packed)
{
    ULONG Header;

    *Bytes = 0;
    if (End - *In < HEADER_BYTES)
        return STATUS_SUCCESS;
    Header = RtlpGetUshort(*In);
    if (Header == 0)
        return STATUS_SUCCESS;
    *Bytes = (Header & 0xFFF) + 3;
    *Packed = (Header & CHUNK_PACKED) != 0;
    if ((Header & 0x7000) != CHUNK_SIGNATURE || *Bytes > (ULONG)(End - *In))
        return STATUS_BAD_COMPRESSION_BUFFER;
    *Data = *In + HEADER_BYTES;
    *In += *Bytes;
    return STATUS_SUCCESS;
}

static NTSTATUS RtlpDecompressChunk(const UCHAR *Data, ULONG Bytes, BOOLEAN Packed, PUCHAR Out,
                                    ULONG Room, PULONG Written)
{
    Bytes -= HEADER_BYTES;
    if (Packed)
        return RtlpUnpack(Data, Data + Bytes, Out, min(Room, CHUNK_BYTES), Written);
    *Written = min(min(Bytes, Room), CHUNK_BYTES);
    RtlCopyMemory(Out, Data, *Written);
    return STATUS_SUCCESS;
}

/*
 * Decompresses a part of what has been compressed: from FragmentOffset on, as far as there is room
 * (WDK: RtlDecompressFragment). WorkSpace is that of RtlGetCompressionWorkSpaceSize.
 * STATUS_BAD_COMPRESSION_BUFFER: it makes no sense, or ends before the fragment. IRQL <= APC_LEVEL.
 */
NTSTATUS NTAPI RtlDecompressFragment(USHORT CompressionFormat, PUCHAR UncompressedFragment,
                                     ULONG UncompressedFragmentSize, PUCHAR CompressedBuffer,
                                     ULONG CompressedBufferSize, ULONG FragmentOffset,
                                     PULONG FinalUncompressedSize, PVOID WorkSpace)
{
    const UCHAR *In = CompressedBuffer, *End = In + CompressedBufferSize, *Data;
    ULONG Bytes, Done = 0, Written = 0, Skip = FragmentOffset;
    BOOLEAN Packed;
    NTSTATUS Status = RtlpCheckFormat(CompressionFormat);

    while (NT_SUCCESS(Status) && Done < UncompressedFragmentSize) {
        Status = RtlpFindChunk(&In, End, &Data, &Bytes, &Packed);
        if (!NT_SUCCESS(Status) || Bytes == 0)
            break;
        if (Skip >= CHUNK_BYTES) {
            Skip -= CHUNK_BYTES;
            continue;
        }
        Status = RtlpDecompressChunk(Data, Bytes, Packed, WorkSpace, CHUNK_BYTES, &Written);
        if (NT_SUCCESS(Status) && Written > Skip) {
            ULONG Part = min(Written - Skip, UncompressedFragmentSize - Done);
            RtlCopyMemory(UncompressedFragment + Done, (PUCHAR)WorkSpace + Skip, Part);
            Done += Part;
        }
        Skip = 0;
    }
    if (NT_SUCCESS(Status) && Done == 0 && UncompressedFragmentSize)
        Status = STATUS_BAD_COMPRESSION_BUFFER;
    *FinalUncompressedSize = Done;
    return Status;
}

/*
 * Decompresses as far as there is room (WDK: RtlDecompressBuffer). A chunk that is followed by
 * another counts as 4 KB: what it lacks is zeroed. STATUS_BAD_COMPRESSION_BUFFER: it makes no
 * sense. IRQL <= APC_LEVEL.
 */
NTSTATUS NTAPI RtlDecompressBuffer(USHORT CompressionFormat, PUCHAR UncompressedBuffer,
                                   ULONG UncompressedBufferSize, PUCHAR CompressedBuffer,
                                   ULONG CompressedBufferSize, PULONG FinalUncompressedSize)
{
    const UCHAR *In = CompressedBuffer, *End = In + CompressedBufferSize, *Data;
    ULONG Bytes, Start = 0, Done = 0, Written;
    BOOLEAN Packed;
    NTSTATUS Status = RtlpCheckFormat(CompressionFormat);

    while (NT_SUCCESS(Status) && Start < UncompressedBufferSize) {
        Status = RtlpFindChunk(&In, End, &Data, &Bytes, &Packed);
        if (!NT_SUCCESS(Status) || Bytes == 0)
            break;
        RtlZeroMemory(UncompressedBuffer + Done, Start - Done);
        Status = RtlpDecompressChunk(Data, Bytes, Packed, UncompressedBuffer + Start,
                                     UncompressedBufferSize - Start, &Written);
        if (NT_SUCCESS(Status)) {
            Done = Start + Written;
            Start += min(CHUNK_BYTES, UncompressedBufferSize - Start);
        }
    }
    if (NT_SUCCESS(Status))
        *FinalUncompressedSize = Done;
    return Status;
}

/* ---- Compression -------------------------------------------------------------------------------
 */

/* A chunk on its way: what it is made of, and what it becomes. */
typedef struct _LZ_CHUNK {
    const UCHAR *In;
    ULONG Bytes; /* of In */
    PUCHAR Out;
    ULONG Room; /* of Out */
    ULONG Used; /* of Out */
    ULONG Chain;
    LZ_WORKSPACE *Work;
} LZ_CHUNK;

static ULONG RtlpHash(const UCHAR *At)
{
    return ((At[0] << 8 ^ At[1] << 4 ^ At[2]) * 2654435761u >> 20) & (HASH_SIZE - 1);
}

/* Remembers what stands at a place. */
static VOID RtlpNotePlace(const LZ_CHUNK *Chunk, ULONG Place)
{
    if (Place + LEAST_LENGTH <= Chunk->Bytes) {
        PUSHORT First = &Chunk->Work->First[RtlpHash(Chunk->In + Place)];
        Chunk->Work->Next[Place] = *First;
        *First = (USHORT)Place;
    }
}

/* The longest match for what stands at a place; 0: there is none. */
static ULONG RtlpFindMatch(const LZ_CHUNK *Chunk, ULONG Place, PULONG Distance)
{
    ULONG Most = min((1u << RtlpLengthBits(Place)) + LEAST_LENGTH - 1, Chunk->Bytes - Place);
    ULONG Best = LEAST_LENGTH - 1, Tries = Chunk->Chain, Length, Other;

    if (Most < LEAST_LENGTH)
        return 0;
    Other = Chunk->Work->First[RtlpHash(Chunk->In + Place)];
    for (; Other != NOWHERE && Tries--; Other = Chunk->Work->Next[Other]) {
        for (Length = 0; Length < Most; Length++) {
            if (Chunk->In[Other + Length] != Chunk->In[Place + Length])
                break;
        }
        if (Length > Best) {
            Best = Length;
            *Distance = Place - Other;
        }
    }
    return Best < LEAST_LENGTH ? 0 : Best;
}

/* One element. Returns the bytes that it stands for; 0: there is no room. */
static ULONG RtlpPutElement(LZ_CHUNK *Chunk, ULONG Place, PBOOLEAN Pair)
{
    ULONG Distance = 0, Length = RtlpFindMatch(Chunk, Place, &Distance), i;

    *Pair = Length != 0;
    if (Chunk->Used + 1 + *Pair > Chunk->Room)
        return 0;
    if (Length == 0) {
        Chunk->Out[Chunk->Used++] = Chunk->In[Place];
        Length = 1;
    } else {
        RtlpPutUshort(Chunk->Out + Chunk->Used,
                      (Distance - 1) << RtlpLengthBits(Place) | (Length - LEAST_LENGTH));
        Chunk->Used += 2;
    }
    for (i = 0; i < Length; i++)
        RtlpNotePlace(Chunk, Place + i);
    return Length;
}

/* FALSE: it does not get smaller, or does not fit. */
static BOOLEAN RtlpPack(LZ_CHUNK *Chunk)
{
    ULONG Place = 0, Count = 8, Flags = 0, Step;
    BOOLEAN Pair;

    RtlFillMemory(Chunk->Work->First, sizeof Chunk->Work->First, 0xFF);
    for (Chunk->Used = HEADER_BYTES; Place < Chunk->Bytes; Place += Step) {
        if (Count == 8) {
            Count = 0;
            Flags = Chunk->Used++;
            if (Flags >= Chunk->Room)
                return FALSE;
            Chunk->Out[Flags] = 0;
        }
        Step = RtlpPutElement(Chunk, Place, &Pair);
        if (Step == 0)
            return FALSE;
        Chunk->Out[Flags] |= Pair << Count++;
    }
    RtlpPutUshort(Chunk->Out, CHUNK_PACKED | CHUNK_SIGNATURE | (Chunk->Used - 3));
    return Chunk->Used < HEADER_BYTES + Chunk->Bytes;
}

/* Compressed, or as it is. FALSE: there is no room for it. */
static BOOLEAN RtlpPutChunk(LZ_CHUNK *Chunk, ULONG Room)
{
    Chunk->Room = min(Room, HEADER_BYTES + Chunk->Bytes);
    if (RtlpPack(Chunk))
        return TRUE;
    if (Room < HEADER_BYTES + Chunk->Bytes)
        return FALSE;
    Chunk->Used = HEADER_BYTES + Chunk->Bytes;
    RtlpPutUshort(Chunk->Out, CHUNK_SIGNATURE | (Chunk->Used - 3));
    RtlCopyMemory(Chunk->Out + HEADER_BYTES, Chunk->In, Chunk->Bytes);
    return TRUE;
}

static BOOLEAN RtlpIsZero(const UCHAR *Data, ULONG Bytes)
{
    while (Bytes && Data[Bytes - 1] == 0)
        Bytes--;
    return Bytes == 0;
}

/*
 * Compresses (WDK: RtlCompressBuffer). STATUS_BUFFER_ALL_ZEROS: a success; all was zero.
 * STATUS_BUFFER_TOO_SMALL: it does not fit. The size of a chunk is 4 KB, whatever is asked for.
 * IRQL <= APC_LEVEL.
 */
NTSTATUS NTAPI RtlCompressBuffer(USHORT CompressionFormatAndEngine, PUCHAR UncompressedBuffer,
                                 ULONG UncompressedBufferSize, PUCHAR CompressedBuffer,
                                 ULONG CompressedBufferSize, ULONG UncompressedChunkSize,
                                 PULONG FinalCompressedSize, PVOID WorkSpace)
{
    BOOLEAN Maximum = (CompressionFormatAndEngine & COMPRESSION_ENGINE_MAXIMUM) != 0;
    LZ_CHUNK Chunk = {.Work = WorkSpace, .Chain = Maximum ? CHAIN_MAXIMUM : CHAIN_STANDARD};
    ULONG Place, Used = 0;
    NTSTATUS Status = RtlpCheckFormat(CompressionFormatAndEngine);

    UNREFERENCED_PARAMETER(UncompressedChunkSize);
    if (!NT_SUCCESS(Status))
        return Status;
    for (Place = 0; Place < UncompressedBufferSize; Place += Chunk.Bytes) {
        Chunk.In = UncompressedBuffer + Place;
        Chunk.Bytes = min(UncompressedBufferSize - Place, CHUNK_BYTES);
        Chunk.Out = CompressedBuffer + Used;
        if (!RtlpPutChunk(&Chunk, CompressedBufferSize - Used))
            return STATUS_BUFFER_TOO_SMALL;
        Used += Chunk.Used;
    }
    if (CompressedBufferSize - Used >= HEADER_BYTES)
        RtlpPutUshort(CompressedBuffer + Used,
                      0); /* the end, if there is room; it is not counted */
    *FinalCompressedSize = Used;
    return RtlpIsZero(UncompressedBuffer, UncompressedBufferSize) ? STATUS_BUFFER_ALL_ZEROS
                                                                  : STATUS_SUCCESS;
}

/* What compressing a buffer and decompressing a fragment need besides (WDK:
 * RtlGetCompressionWorkSpaceSize). IRQL <= APC_LEVEL. */
NTSTATUS NTAPI RtlGetCompressionWorkSpaceSize(USHORT CompressionFormatAndEngine,
                                              PULONG CompressBufferWorkSpaceSize,
                                              PULONG CompressFragmentWorkSpaceSize)
{
    NTSTATUS Status = RtlpCheckFormat(CompressionFormatAndEngine);

    if (NT_SUCCESS(Status)) {
        *CompressBufferWorkSpaceSize = sizeof(LZ_WORKSPACE);
        *CompressFragmentWorkSpaceSize = CHUNK_BYTES;
    }
    return Status;
}
