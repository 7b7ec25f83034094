/*
 * Sequenced singly linked lists (WDK: Sequenced Singly Linked Lists): last in, first out, without
 * a lock, at any IRQL, on any number of processors.
 *
 * The header is 8 bytes, changed only as a whole by cmpxchg8b: the first entry, the depth, and a
 * sequence number that each push counts up. The number is what makes popping safe. A pop reads the
 * first entry and that entry's successor, and then exchanges the one for the other. If meanwhile
 * others have popped the entry and pushed it again, the first entry is the same but the successor
 * may not be; the number has changed, and the exchange fails.
 *
 * The rule about memory: an entry may be freed as soon as it has been popped, although another
 * processor, or a thread that was interrupted in the middle of a pop, may be about to read its
 * Next. What that reads does not matter, for the exchange will fail. But the page may be gone. So
 * a fault at ExpInterlockedPopEntrySListFault, when the header at ESI is no longer what EDX:EAX
 * say, is not an error: the pop begins again at ExpInterlockedPopEntrySListResume. An unchanged
 * header means that the entry is still in the list; then the fault is like any other, and resolved
 * if the entry is in paged memory.
 *
 *      ESI = header, EDX:EAX = its contents as last read, ECX:EBX = what is to replace them
 *      stack: +00 ESI of the caller, +04 EBX of the caller, +08 return address
 */
#define SLIST_ADD_ENTRY 0x10001 /* Sequence + 1, Depth + 1 */
#define SLIST_ADD_LIST  0x10000 /* Sequence + 1 */

        .cfi_sections .debug_frame
        .text

        .macro  ENTER name
        .globl  \name
        .type   \name, @function
\name:
        .cfi_startproc
        pushl   %ebx
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset ebx, 0
        pushl   %esi
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset esi, 0
        movl    %ecx, %esi
        .endm

        .macro  LEAVE name, bytes=0
        popl    %esi
        .cfi_adjust_cfa_offset -4
        .cfi_restore esi
        popl    %ebx
        .cfi_adjust_cfa_offset -4
        .cfi_restore ebx
        .if     \bytes
        ret     $\bytes
        .else
        ret
        .endif
        .cfi_endproc
        .size   \name, . - \name
        .endm

/*
 * PSLIST_ENTRY FASTCALL InterlockedPopEntrySList(PSLIST_HEADER ListHead)
 * PSLIST_ENTRY FASTCALL ExInterlockedPopEntrySList(PSLIST_HEADER ListHead, PKSPIN_LOCK Lock)
 *
 * Takes the first entry off and returns it; NULL: there is none. No lock is needed, so the second
 * one's is not looked at.
 */
        .globl  ExInterlockedPopEntrySList
        .globl  ExpInterlockedPopEntrySListResume, ExpInterlockedPopEntrySListFault
        .set    ExInterlockedPopEntrySList, InterlockedPopEntrySList
        ENTER   InterlockedPopEntrySList
ExpInterlockedPopEntrySListResume:
        movl    4(%esi), %edx
        movl    (%esi), %eax
1:      testl   %eax, %eax
        jz      2f
        leal    -1(%edx), %ecx          /* Depth - 1 */
ExpInterlockedPopEntrySListFault:
        movl    (%eax), %ebx            /* the successor, if the entry is still there */
        lock cmpxchg8b (%esi)
        jnz     1b
2:
        LEAVE   InterlockedPopEntrySList

/*
 * PSLIST_ENTRY FASTCALL ExInterlockedPushEntrySList(PSLIST_HEADER ListHead, PSLIST_ENTRY Entry,
 *                                                   PKSPIN_LOCK Lock)
 *
 * The return address takes the place of the lock, which is not needed; the rest is below.
 */
        .globl  ExInterlockedPushEntrySList
        .type   ExInterlockedPushEntrySList, @function
ExInterlockedPushEntrySList:
        .cfi_startproc
        popl    (%esp)
        .cfi_endproc
        .size   ExInterlockedPushEntrySList, . - ExInterlockedPushEntrySList

/*
 * PSLIST_ENTRY FASTCALL InterlockedPushEntrySList(PSLIST_HEADER ListHead, PSLIST_ENTRY Entry)
 *
 * Puts an entry in front of the others; returns the one that was the first.
 */
        ENTER   InterlockedPushEntrySList
        movl    %edx, %ebx
        movl    4(%esi), %edx
        movl    (%esi), %eax
1:      movl    %eax, (%ebx)
        leal    SLIST_ADD_ENTRY(%edx), %ecx
        lock cmpxchg8b (%esi)
        jnz     1b
        LEAVE   InterlockedPushEntrySList

/*
 * PSLIST_ENTRY FASTCALL InterlockedPushListSList(PSLIST_HEADER ListHead, PSLIST_ENTRY List,
 *                                                PSLIST_ENTRY ListEnd, ULONG Count)
 *
 * The same for a chain of Count entries, from List to ListEnd.
 *
 *      stack: +0C ListEnd, +10 Count
 */
        ENTER   InterlockedPushListSList
        movl    %edx, %ebx
        movl    4(%esi), %edx
        movl    (%esi), %eax
1:      movl    0x0C(%esp), %ecx
        movl    %eax, (%ecx)
        movl    0x10(%esp), %ecx
        leal    SLIST_ADD_LIST(%edx, %ecx), %ecx
        lock cmpxchg8b (%esi)
        jnz     1b
        LEAVE   InterlockedPushListSList, 8

/*
 * PSLIST_ENTRY FASTCALL ExInterlockedFlushSList(PSLIST_HEADER ListHead)
 *
 * Takes all entries off and returns the first, through which the others hang together.
 */
        ENTER   ExInterlockedFlushSList
        xorl    %ebx, %ebx
        movl    4(%esi), %edx
        movl    (%esi), %eax
1:      testl   %eax, %eax
        jz      2f
        movl    %edx, %ecx
        movw    %bx, %cx                /* Depth 0, Sequence as it was */
        lock cmpxchg8b (%esi)
        jnz     1b
2:
        LEAVE   ExInterlockedFlushSList

        .section .note.GNU-stack, "", @progbits
