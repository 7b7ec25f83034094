/*
 * Calling a system service by its number, past ntdll.dll, with arguments as an array.
 */
#ifndef USER_SERVICE_H
#define USER_SERVICE_H

#include "nt.h"

#define SERVICE(Name, Count) Service##Name,
enum SERVICE_NUMBER {
#include "kernel/services.def"
    ServiceCount
};
#undef SERVICE

#define MAXIMUM_ARGUMENTS 11

/* Arguments is believed by nobody: it may point anywhere. */
static inline NTSTATUS CallService(ULONG Number, const VOID *Arguments)
{
    NTSTATUS Status;

    __asm__ volatile("int $0x2E"
                     : "=a"(Status), "+d"(Arguments)
                     : "0"(Number)
                     : "ecx", "memory", "cc");
    return Status;
}

#endif
