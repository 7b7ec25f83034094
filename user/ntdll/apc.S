/*
 * KiUserApcDispatcher: where the kernel has a thread go on that is to run a user APC.
 *
 *      ESP + 0     the APC's routine (stdcall)
 *          + 4     its three arguments
 *          + 16    CONTEXT: the registers before
 *
 * The routine finds its arguments in place when its address has been popped. Then the thread goes
 * back to where it was, or on to the next APC.
 */
        .cfi_sections .debug_frame
        .text
        .globl  _KiUserApcDispatcher
_KiUserApcDispatcher:
        .cfi_startproc
        .cfi_undefined eip
        leal    16(%esp), %edi
        cld
        popl    %eax
        call    *%eax
        pushl   $1                      /* TestAlert */
        pushl   %edi
        call    _NtContinue@8
        pushl   %eax                    /* it has not continued: the stack is spoilt */
        call    _RtlExitUserThread@4
        ud2
        .cfi_endproc
