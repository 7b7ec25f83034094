/*
 * Structured exceptions as both sides of the machine have them: compiled once for the kernel, and
 * once more for ntdll.dll.
 *
 * FS:0 holds the head of a chain of registration records, which lie in the frames of the routines
 * that can handle exceptions, the innermost first. In user mode that is a member of the thread's
 * TEB, in the kernel one of the KPCR, which each thread switch, trap and service exchanges
 * (kernel/ke/trap.S, sched/switch.S): so the chain is the running code's own, and no lock is
 * needed.
 */
#ifndef KERNEL_SEH_SEH_H
#define KERNEL_SEH_SEH_H

/* Where CONTEXT has what seh.S stores; seh/chain.c checks it. */
#define CONTEXT_BYTES   0x2CC
#define CONTEXT_Gs      0x8C
#define CONTEXT_Fs      0x90
#define CONTEXT_Es      0x94
#define CONTEXT_Ds      0x98
#define CONTEXT_Edi     0x9C
#define CONTEXT_Esi     0xA0
#define CONTEXT_Ebx     0xA4
#define CONTEXT_Edx     0xA8
#define CONTEXT_Ecx     0xAC
#define CONTEXT_Eax     0xB0
#define CONTEXT_Ebp     0xB4
#define CONTEXT_Eip     0xB8
#define CONTEXT_Cs      0xBC
#define CONTEXT_EFlags  0xC0
#define CONTEXT_Esp     0xC4
#define CONTEXT_Ss      0xC8
#define RECORD_Address  0x0C
#define CONTEXT_IS_FULL 0x10007 /* CONTEXT_FULL, for the assembler */

#ifndef __ASSEMBLER__

#include "kernel/nt.h"

/* EXCEPTION_RECORD.ExceptionFlags, besides EXCEPTION_NONCONTINUABLE; the numbers are Windows'. */
#define EXCEPTION_UNWINDING     0x02
#define EXCEPTION_EXIT_UNWIND   0x04
#define EXCEPTION_STACK_INVALID 0x08 /* a record of the chain is not where records can be */
#define EXCEPTION_NESTED_CALL   0x10 /* raised while the frame's handler was handling another */
#define EXCEPTION_UNWIND        (EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND)

typedef struct _EXCEPTION_REGISTRATION_RECORD {
    struct _EXCEPTION_REGISTRATION_RECORD *Next;
    PVOID Handler;
} EXCEPTION_REGISTRATION_RECORD, *PEXCEPTION_REGISTRATION_RECORD;

#define EXCEPTION_CHAIN_END ((PEXCEPTION_REGISTRATION_RECORD)(LONG_PTR)-1)

static inline PEXCEPTION_REGISTRATION_RECORD RtlpGetChain(VOID)
{
    PEXCEPTION_REGISTRATION_RECORD Head;
    __asm__ volatile("movl %%fs:0, %0" : "=r"(Head) : : "memory");
    return Head;
}

static inline VOID RtlpSetChain(PEXCEPTION_REGISTRATION_RECORD Head)
{
    __asm__ volatile("movl %0, %%fs:0" : : "r"(Head) : "memory");
}

/* The handler of a frame, and those of our own: cdecl, though a driver's may be stdcall. */
typedef EXCEPTION_DISPOSITION(__cdecl EXCEPTION_HANDLER)(PEXCEPTION_RECORD Record,
                                                         PVOID EstablisherFrame, PCONTEXT Context,
                                                         PVOID DispatcherContext);

/* chain.c: asks the chain's handlers. TRUE: one of them says to go on with *Context, changed or
 * not. FALSE: none wants the exception. Does not return if one of them takes it. */
BOOLEAN RtlDispatchException(PEXCEPTION_RECORD Record, PCONTEXT Context);
PVOID NTAPI RtlUnwind(PVOID TargetFrame, PVOID TargetIp, PEXCEPTION_RECORD Record,
                      PVOID ReturnValue);

/* scope.c: what compilers emit calls of, and the names of handlers that they put into records. */
EXCEPTION_HANDLER _except_handler3;
VOID __cdecl _local_unwind2(PVOID EstablisherFrame, LONG Stop);
VOID __cdecl _global_unwind2(PVOID EstablisherFrame);
int __cdecl _abnormal_termination(VOID);

/* seh.S */
VOID NTAPI RtlRaiseException(PEXCEPTION_RECORD Record);
EXCEPTION_DISPOSITION __cdecl RtlpCallHandler(PEXCEPTION_RECORD Record, PVOID EstablisherFrame,
                                              PCONTEXT Context, PVOID DispatcherContext,
                                              PVOID Handler);
LONG __cdecl RtlpCallScope(PVOID Routine, PVOID Ebp);
NORETURN VOID __cdecl RtlpEnterScope(PVOID Routine, PVOID Ebp);

/*
 * What each side has of its own (kernel/ke/exception.c, user/ntdll/exception.c): where the running
 * thread's stack begins, and what becomes of an exception that is raised by a call.
 */
ULONG_PTR RtlpStackBase(VOID);
NORETURN VOID __cdecl RtlpRaiseException(PEXCEPTION_RECORD Record, PCONTEXT Context);

#endif
#endif
