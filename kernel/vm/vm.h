/*
 * What programs and drivers can ask of memory, made of what mm/ has: the services for processes'
 * memory, sections, secured memory, memory for devices.
 *
 * A section is an object; its pages are the prototypes in it (mm/view.c). Each view of it holds a
 * reference to it, and so does each handle.
 */
#ifndef KERNEL_VM_VM_H
#define KERNEL_VM_VM_H

#include "kernel/ps/ps.h"
#include "mm/mm.h"

/* virtual.c: the process that a service works on, attached to if it is not the current one, with
 * its space's lock. Fails if it is ending. IRQL: PASSIVE_LEVEL. */
typedef struct _MI_TARGET {
    PEPROCESS Process;
    PMM_SPACE Space;
    KAPC_STATE ApcState;
} MI_TARGET;
NTSTATUS MiEnterTarget(HANDLE ProcessHandle, MI_TARGET *Target);
VOID MiLeaveTarget(MI_TARGET *Target);

/* section.c: the object. Its body begins with the segment. */
typedef struct _SECTION {
    MI_SEGMENT Segment;
    LARGE_INTEGER Size; /* bytes */
    ULONG Protection;   /* MM_xxx: what a view may be at most */
    ULONG Attributes;   /* SEC_xxx */
    PFILE_OBJECT File;  /* referenced; NULL: it has none */
} SECTION, *PSECTION;
extern POBJECT_TYPE *MmSectionObjectType;
ACCESS_MASK MiAccessOfProtection(ULONG Protection); /* SECTION_MAP_xxx that it needs, or gives */

/* mapview.c: for the services. Space->Lock is held. The second: the protection that pages of a view
 * get when a program asks for one; MM_INVALID_PROTECTION: the section does not allow it. */
NTSTATUS MiCommitInView(PMMVAD Vad, ULONG_PTR Start, ULONG_PTR End, ULONG Protection);
ULONG MiViewProtection(const MMVAD *Vad, ULONG Protection);

#endif
