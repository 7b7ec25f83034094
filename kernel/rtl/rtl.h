/*
 * The run-time library: what the kernel and its drivers take for granted.
 *
 * The DDK headers declare nearly all of it: the Rtl routines in wdm.h, ntddk.h and ntifs.h, the C
 * library's in <string.h>, <ctype.h> and <stdlib.h>. This header has the rest: the formatted print,
 * which lives in <stdio.h> that no driver includes; the routines that the headers turn into macros
 * but that drivers import nevertheless; and the helpers that compilers call by themselves.
 *
 * IRQL: all are callable at any level at which their arguments may be touched, except the
 * few that allocate memory (convert.c), which need IRQL = PASSIVE_LEVEL. Locks: none, and no state.
 */
#ifndef KERNEL_RTL_RTL_H
#define KERNEL_RTL_RTL_H

#include "kernel/nt.h"

/*
 * Formatted print (print.c), by Microsoft's rules: the result is the number of characters, or -1 if
 * they do not fit in Count. What fits exactly is left without a terminator.
 */
int __cdecl _vsnprintf(char *Buffer, size_t Count, const char *Format, va_list Arguments);
int __cdecl _snprintf(char *Buffer, size_t Count, const char *Format, ...);
int __cdecl vsprintf(char *Buffer, const char *Format, va_list Arguments);
int __cdecl sprintf(char *Buffer, const char *Format, ...);
int __cdecl _vsnwprintf(wchar_t *Buffer, size_t Count, const wchar_t *Format, va_list Arguments);
int __cdecl _snwprintf(wchar_t *Buffer, size_t Count, const wchar_t *Format, ...);
int __cdecl swprintf(wchar_t *Buffer, const wchar_t *Format, ...);

/* Paged pool for a string, tagged as one; NULL: there is none. IRQL: PASSIVE_LEVEL (convert.c). */
PVOID RtlpAllocateString(SIZE_T Bytes);

/* altitude.c: is it a number? */
BOOLEAN RtlpIsAltitude(PCUNICODE_STRING Altitude);

/* Exported, and not declared by the headers. */
BOOLEAN NTAPI RtlPrefixString(const STRING *String1, const STRING *String2,
                              BOOLEAN CaseInSensitive);
NTSTATUS NTAPI RtlAppendAsciizToString(PSTRING Destination, PCSZ Source);
WCHAR NTAPI RtlAnsiCharToUnicodeChar(PUCHAR *SourceCharacter);
extern PUSHORT NlsLeadByteInfo;
extern USHORT NlsAnsiCodePage, NlsOemCodePage;

VOID NTAPI RtlTimeToElapsedTimeFields(PLARGE_INTEGER Time, PTIME_FIELDS TimeFields);

/* Exported without the p, though the headers have inline functions of these names (largeint.c). */
LARGE_INTEGER NTAPI RtlpConvertLongToLargeInteger(LONG SignedInteger);
LARGE_INTEGER NTAPI RtlpConvertUlongToLargeInteger(ULONG UnsignedInteger);
LARGE_INTEGER NTAPI RtlpEnlargedIntegerMultiply(LONG Multiplicand, LONG Multiplier);
LARGE_INTEGER NTAPI RtlpEnlargedUnsignedMultiply(ULONG Multiplicand, ULONG Multiplier);
ULONG NTAPI RtlpEnlargedUnsignedDivide(ULARGE_INTEGER Dividend, ULONG Divisor, PULONG Remainder);
LARGE_INTEGER NTAPI RtlpLargeIntegerAdd(LARGE_INTEGER Addend1, LARGE_INTEGER Addend2);
LARGE_INTEGER NTAPI RtlpLargeIntegerSubtract(LARGE_INTEGER Minuend, LARGE_INTEGER Subtrahend);
LARGE_INTEGER NTAPI RtlpLargeIntegerNegate(LARGE_INTEGER Subtrahend);
LARGE_INTEGER NTAPI RtlpLargeIntegerShiftLeft(LARGE_INTEGER LargeInteger, CCHAR ShiftCount);
LARGE_INTEGER NTAPI RtlpLargeIntegerShiftRight(LARGE_INTEGER LargeInteger, CCHAR ShiftCount);
LARGE_INTEGER NTAPI RtlpLargeIntegerArithmeticShift(LARGE_INTEGER LargeInteger, CCHAR ShiftCount);
USHORT FASTCALL RtlpUshortByteSwap(USHORT Source);
ULONG FASTCALL RtlpUlongByteSwap(ULONG Source);
ULONGLONG FASTCALL RtlpUlonglongByteSwap(ULONGLONG Source);

/* Exported as functions, though the headers make macros of the same names (memory.c). */
VOID(NTAPI RtlZeroMemory)(PVOID Destination, SIZE_T Length);
VOID(NTAPI RtlFillMemory)(PVOID Destination, SIZE_T Length, UCHAR Fill);
VOID(NTAPI RtlMoveMemory)(PVOID Destination, const VOID *Source, SIZE_T Length);
VOID(NTAPI RtlCopyMemory)(PVOID Destination, const VOID *Source, SIZE_T Length);

/*
 * 64-bit arithmetic for code compiled by Microsoft's and compatible compilers (integer.c and
 * integer.S). Those below pop their arguments. _alldvrm and _aulldvrm leave the quotient in EDX:EAX
 * and the remainder in EBX:ECX; _allshl, _allshr and _aullshr take EDX:EAX and CL: C has no
 * words for either, so they are declared for the export table only.
 */
LONGLONG __stdcall _allmul(LONGLONG Left, LONGLONG Right);
LONGLONG __stdcall _alldiv(LONGLONG Dividend, LONGLONG Divisor);
LONGLONG __stdcall _allrem(LONGLONG Dividend, LONGLONG Divisor);
ULONGLONG __stdcall _aulldiv(ULONGLONG Dividend, ULONGLONG Divisor);
ULONGLONG __stdcall _aullrem(ULONGLONG Dividend, ULONGLONG Divisor);
VOID _alldvrm(VOID);
VOID _aulldvrm(VOID);
VOID _allshl(VOID);
VOID _allshr(VOID);
VOID _aullshr(VOID);

/* The same for code compiled by GCC, which the kernel itself is; it links without libgcc. */
LONGLONG __divdi3(LONGLONG Dividend, LONGLONG Divisor);
LONGLONG __moddi3(LONGLONG Dividend, LONGLONG Divisor);
LONGLONG __divmoddi4(LONGLONG Dividend, LONGLONG Divisor, LONGLONG *Remainder);
ULONGLONG __udivdi3(ULONGLONG Dividend, ULONGLONG Divisor);
ULONGLONG __umoddi3(ULONGLONG Dividend, ULONGLONG Divisor);
ULONGLONG __udivmoddi4(ULONGLONG Dividend, ULONGLONG Divisor, ULONGLONG *Remainder);

#endif
