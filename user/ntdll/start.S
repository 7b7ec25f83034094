/*
 * RtlUserThreadStart: the first instructions of every thread.
 *
 * The kernel enters with nothing on the stack, so there is no return address here:
 *
 *      EAX = the routine to call: for the first thread the program's entry point, for a further
 *            one the start routine given to NtCreateThreadEx
 *      EBX = its argument: the PEB's address, or what was given to NtCreateThreadEx
 *      ESP = top of the stack
 *
 * The routine is stdcall with one argument. Its result becomes the thread's exit status. EBP = 0
 * ends the chain of frame pointers, and the undefined return address ends CFI unwinding.
 *
 *      ESP     before the call         in the routine
 *      top-4   argument                argument
 *      top-8                           return address
 */
        .cfi_sections .debug_frame
        .text
        .globl  _RtlUserThreadStart
_RtlUserThreadStart:
        .cfi_startproc
        .cfi_undefined eip
        xorl    %ebp, %ebp
        pushl   %ebx
        .cfi_adjust_cfa_offset 4
        call    *%eax
        pushl   %eax
        call    _RtlExitUserThread@4
        ud2
        .cfi_endproc
