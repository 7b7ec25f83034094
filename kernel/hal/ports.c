/*
 * Port and register access as the WDK declares it (READ_PORT_UCHAR and its kin). IRQL: any.
 */
#include "kernel/hal/hal.h"

#define PORT_ACCESS(Name, Type, Suffix)                                                            \
    Type NTAPI READ_PORT_##Name(Type *Port)                                                        \
    {                                                                                              \
        Type Value;                                                                                \
        __asm__ volatile("in" Suffix " %w1, %0" : "=a"(Value) : "d"(Port) : "memory");             \
        return Value;                                                                              \
    }                                                                                              \
    VOID NTAPI WRITE_PORT_##Name(Type *Port, Type Value)                                           \
    {                                                                                              \
        __asm__ volatile("out" Suffix " %0, %w1" : : "a"(Value), "d"(Port) : "memory");            \
    }                                                                                              \
    VOID NTAPI READ_PORT_BUFFER_##Name(Type *Port, Type *Buffer, ULONG Count)                      \
    {                                                                                              \
        __asm__ volatile("rep ins" Suffix : "+D"(Buffer), "+c"(Count) : "d"(Port) : "memory");     \
    }                                                                                              \
    VOID NTAPI WRITE_PORT_BUFFER_##Name(Type *Port, Type *Buffer, ULONG Count)                     \
    {                                                                                              \
        __asm__ volatile("rep outs" Suffix : "+S"(Buffer), "+c"(Count) : "d"(Port) : "memory");    \
    }

PORT_ACCESS(UCHAR, UCHAR, "b")
PORT_ACCESS(USHORT, USHORT, "w")
PORT_ACCESS(ULONG, ULONG, "l")

#define REGISTER_ACCESS(Name, Type)                                                                \
    Type NTAPI(READ_REGISTER_##Name)(Type * Register)                                              \
    {                                                                                              \
        return *(volatile Type *)Register;                                                         \
    }                                                                                              \
    VOID NTAPI(WRITE_REGISTER_##Name)(Type * Register, Type Value)                                 \
    {                                                                                              \
        *(volatile Type *)Register = Value;                                                        \
        KeMemoryBarrier();                                                                         \
    }                                                                                              \
    VOID NTAPI READ_REGISTER_BUFFER_##Name(Type *Register, Type *Buffer, ULONG Count)              \
    {                                                                                              \
        while (Count--)                                                                            \
            *Buffer++ = *(volatile Type *)Register++;                                              \
    }                                                                                              \
    VOID NTAPI WRITE_REGISTER_BUFFER_##Name(Type *Register, Type *Buffer, ULONG Count)             \
    {                                                                                              \
        while (Count--)                                                                            \
            *(volatile Type *)Register++ = *Buffer++;                                              \
        KeMemoryBarrier();                                                                         \
    }

REGISTER_ACCESS(UCHAR, UCHAR)
REGISTER_ACCESS(USHORT, USHORT)
REGISTER_ACCESS(ULONG, ULONG)
