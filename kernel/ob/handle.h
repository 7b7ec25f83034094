/* The layout of handle tables, for those who look into them: handle.c and reference.c. */
#ifndef KERNEL_OB_HANDLE_H
#define KERNEL_OB_HANDLE_H

#include "kernel/ob/ob.h"

#define KERNEL_HANDLE   0x80000000
#define CURRENT_PROCESS ((HANDLE)(LONG_PTR)-1)
#define CURRENT_THREAD  ((HANDLE)(LONG_PTR)-2)

typedef struct _HANDLE_ENTRY {
    PVOID Object; /* NULL: free */
    union {
        struct {
            ACCESS_MASK Access : 25; /* the rights end with ACCESS_SYSTEM_SECURITY */
            ULONG Attributes : 2;    /* OBJ_PROTECT_CLOSE, OBJ_INHERIT */
        };
        ULONG NextFree;
    };
} HANDLE_ENTRY;

C_ASSERT(sizeof(HANDLE_ENTRY) == 8);

struct _HANDLE_TABLE {
    FAST_MUTEX Lock;
    HANDLE_ENTRY *Entries; /* paged pool */
    ULONG Count;
    ULONG FirstFree;
    BOOLEAN Closed; /* for good: its process ends */
};

/* -1 and -2 stand for the current process and thread: there is no entry behind them. */
static inline BOOLEAN ObpIsPseudoHandle(HANDLE Handle)
{
    return Handle == CURRENT_PROCESS || Handle == CURRENT_THREAD;
}

/* The entry of a handle that is in use, or NULL. The low two bits are the caller's to use. The lock
 * is held. */
HANDLE_ENTRY *ObpFindEntry(PHANDLE_TABLE Table, ULONG_PTR Handle);

/* The table a handle belongs to, and the handle without its mark. NULL: not for this caller. */
PHANDLE_TABLE ObpTableOf(HANDLE Handle, KPROCESSOR_MODE Mode, ULONG_PTR *Plain);

#endif
