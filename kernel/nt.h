/*
 * The prelude of every kernel source file: the public DDK headers, compiled for ELF.
 *
 * Drivers are compiled by the PE cross compiler against these same headers. So each routine that a
 * driver can call is declared once, by the headers that Windows driver writers use, and a wrong
 * signature or structure layout in the kernel does not compile. What the headers keep opaque
 * (KTHREAD, EPROCESS, the pool header, the PFN entry) is laid out in the room that owns it.
 *
 * The keywords of Microsoft's compilers are given as GCC attributes; the command line defines
 * _X86_, _WIN32, __MINGW32__, _NTOSKRNL_, _NTSYSTEM_ and _NTHAL_ (see the Makefile).
 */
#ifndef KERNEL_NT_H
#define KERNEL_NT_H

#define __declspec(x) /* dllimport and the like mean nothing inside the kernel itself */
#define __stdcall __attribute__((stdcall))
#define __fastcall __attribute__((fastcall))
#define __cdecl __attribute__((cdecl))
#define __int8 char
#define __int16 short
#define __int32 int
#define __int64 long long

#include <ntifs.h>
#include <ntddk.h>
#include <ntimage.h>
#include <bugcodes.h>
#include <stdarg.h>

/* The headers expand DECLSPEC_NORETURN through __declspec; give KeBugCheckEx its property back. */
DECLSPEC_NORETURN NTKERNELAPI VOID NTAPI KeBugCheckEx(ULONG, ULONG_PTR, ULONG_PTR, ULONG_PTR,
                                                      ULONG_PTR) __attribute__((noreturn));

#ifndef FASTCALL
#define FASTCALL __fastcall
#endif

#define NORETURN __attribute__((noreturn))

#endif
