/*
 * KiUserExceptionDispatcher: where the kernel has a thread go on that has caused an exception.
 *
 *      ESP + 0     address of the EXCEPTION_RECORD
 *          + 4     address of the CONTEXT: the registers of where it happened
 *          + 8     the two themselves
 */
        .cfi_sections .debug_frame
        .text
        .globl  _KiUserExceptionDispatcher
_KiUserExceptionDispatcher:
        .cfi_startproc
        .cfi_undefined eip
        cld
        call    _RtlpRaiseException     /* (record, context): does not return */
        ud2
        .cfi_endproc
