/*
 * Raising exceptions from kernel code. There is no structured exception handling in the kernel
 * yet, so nobody can handle one: it is the bug check that an unhandled one is.
 */
#include "kernel/ke/ke.h"

DECLSPEC_NORETURN VOID NTAPI ExRaiseStatus(NTSTATUS Status)
{
    KeBugCheckEx(KMODE_EXCEPTION_NOT_HANDLED, Status, (ULONG_PTR)__builtin_return_address(0), 0, 0);
}
