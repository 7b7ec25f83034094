/*
 * What C cannot say about exceptions: to note all registers, and to call code with another's EBP.
 *
 * The same lines serve the kernel and ntdll.dll, where a C name has an underline, and a stdcall
 * routine's the bytes of its arguments (ENTRY's second argument; none: cdecl).
 */
#include "kernel/seh/seh.h"

        .cfi_sections .debug_frame
        .text

#ifdef __ELF__
#define C_NAME(Name) Name
#define CALL_CAPTURE_CONTEXT call RtlCaptureContext
.macro ENTRY Name, Bytes
        .globl  \Name
        .type   \Name, @function
\Name:
        .cfi_startproc
.endm
.macro END Name
        .cfi_endproc
        .size   \Name, . - \Name
.endm
#else
#define C_NAME(Name) _##Name
#define CALL_CAPTURE_CONTEXT call _RtlCaptureContext@4
.macro ENTRY Name, Bytes
  .ifb \Bytes
        .globl  _\Name
_\Name:
  .else
        .globl  _\Name\()@\Bytes
_\Name\()@\Bytes:
  .endif
        .cfi_startproc
.endm
.macro END Name
        .cfi_endproc
.endm
#endif

.macro PUSH Register
        pushl   %\Register
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset \Register, 0
.endm

.macro POP Register
        popl    %\Register
        .cfi_adjust_cfa_offset -4
        .cfi_restore \Register
.endm

.macro STORE_SEGMENT Segment, Offset
        movl    $0, \Offset(%eax)
        movw    %\Segment, \Offset(%eax)
.endm

/*
 * VOID NTAPI RtlCaptureContext(PCONTEXT Context): the caller's registers, as they are when the call
 * has returned (WDK, "RtlCaptureContext"). It changes none, nor the flags. IRQL: any.
 *
 *      ESP+00  EAX
 *      ESP+04  flags
 *      ESP+08  return address
 *      ESP+0C  Context (removed by the callee)
 */
ENTRY RtlCaptureContext, 4
        pushfl
        .cfi_adjust_cfa_offset 4
        pushl   %eax
        .cfi_adjust_cfa_offset 4
        movl    12(%esp), %eax
        movl    $CONTEXT_IS_FULL, (%eax)
        STORE_SEGMENT gs, CONTEXT_Gs
        STORE_SEGMENT fs, CONTEXT_Fs
        STORE_SEGMENT es, CONTEXT_Es
        STORE_SEGMENT ds, CONTEXT_Ds
        STORE_SEGMENT cs, CONTEXT_Cs
        STORE_SEGMENT ss, CONTEXT_Ss
        movl    %edi, CONTEXT_Edi(%eax)
        movl    %esi, CONTEXT_Esi(%eax)
        movl    %ebx, CONTEXT_Ebx(%eax)
        movl    %edx, CONTEXT_Edx(%eax)
        movl    %ecx, CONTEXT_Ecx(%eax)
        movl    %ebp, CONTEXT_Ebp(%eax)
        movl    (%esp), %ecx
        movl    %ecx, CONTEXT_Eax(%eax)
        movl    4(%esp), %ecx
        movl    %ecx, CONTEXT_EFlags(%eax)
        movl    8(%esp), %ecx
        movl    %ecx, CONTEXT_Eip(%eax)
        leal    16(%esp), %ecx
        movl    %ecx, CONTEXT_Esp(%eax)
        movl    CONTEXT_Ecx(%eax), %ecx
        popl    %eax
        .cfi_adjust_cfa_offset -4
        popfl
        .cfi_adjust_cfa_offset -4
        ret     $4
END RtlCaptureContext

/*
 * VOID NTAPI RtlRaiseException(PEXCEPTION_RECORD Record): raises an exception here (Win32
 * documentation, "RaiseException"). It happens, as its handlers see it, at the return address; it
 * returns if one of them says so. The record's address is filled in.
 *
 *      EBP-CONTEXT_BYTES  the caller's CONTEXT
 *      EBP+00  the caller's EBP
 *      EBP+04  return address
 *      EBP+08  Record (removed by the callee)
 */
ENTRY RtlRaiseException, 4
        PUSH    ebp
        movl    %esp, %ebp
        .cfi_def_cfa_register ebp
        leal    -CONTEXT_BYTES(%esp), %esp      /* the flags stay as they are */
        pushl   %esp
        CALL_CAPTURE_CONTEXT
        movl    4(%ebp), %eax
        movl    8(%ebp), %ecx
        movl    %eax, CONTEXT_Eip(%esp)
        movl    %eax, RECORD_Address(%ecx)
        movl    (%ebp), %eax
        movl    %eax, CONTEXT_Ebp(%esp)
        leal    12(%ebp), %eax
        movl    %eax, CONTEXT_Esp(%esp)
        movl    %esp, %eax
        pushl   %eax
        pushl   %ecx
        call    C_NAME(RtlpRaiseException)      /* (record, context): does not return */
        ud2
END RtlRaiseException

/*
 * EXCEPTION_DISPOSITION RtlpCallHandler(Record, EstablisherFrame, Context, DispatcherContext,
 *                                       Handler)
 *
 * Calls a frame's handler, which may remove its arguments (stdcall) or not (cdecl) and change any
 * register.
 *
 *      EBP-0C  EDI, ESI, EBX
 *      EBP+00  the caller's EBP
 *      EBP+04  return address
 *      EBP+08  the five arguments
 */
ENTRY RtlpCallHandler
        PUSH    ebp
        movl    %esp, %ebp
        .cfi_def_cfa_register ebp
        pushl   %ebx
        .cfi_offset ebx, -12
        pushl   %esi
        .cfi_offset esi, -16
        pushl   %edi
        .cfi_offset edi, -20
        pushl   20(%ebp)
        pushl   16(%ebp)
        pushl   12(%ebp)
        pushl   8(%ebp)
        call    *24(%ebp)
        cld
        leal    -12(%ebp), %esp
        popl    %edi
        .cfi_restore edi
        popl    %esi
        .cfi_restore esi
        popl    %ebx
        .cfi_restore ebx
        popl    %ebp
        .cfi_restore ebp
        .cfi_def_cfa esp, 4
        ret
END RtlpCallHandler

/*
 * LONG RtlpCallScope(PVOID Routine, PVOID Ebp): calls a filter or a __finally block, which has no
 * arguments, in the frame of its routine. It may change any register.
 *
 *      ESP+00  EDI, ESI, EBX, EBP
 *      ESP+10  return address
 *      ESP+14  Routine, Ebp
 */
ENTRY RtlpCallScope
        PUSH    ebp
        PUSH    ebx
        PUSH    esi
        PUSH    edi
        movl    20(%esp), %eax
        movl    24(%esp), %ebp
        call    *%eax
        POP     edi
        POP     esi
        POP     ebx
        POP     ebp
        ret
END RtlpCallScope

/* VOID RtlpEnterScope(PVOID Routine, PVOID Ebp): goes on in an __except block, which loads ESP. */
ENTRY RtlpEnterScope
        movl    4(%esp), %eax
        movl    8(%esp), %ebp
        jmp     *%eax
END RtlpEnterScope

#ifdef __ELF__
        .section .note.GNU-stack, "", @progbits
#endif
