/*
 * Who may have a handle of an object, as its security descriptor says: descriptor.c keeps the
 * descriptors, security.c holds them against who asks. IRQL: PASSIVE_LEVEL.
 */
#ifndef KERNEL_OB_SECURITY_H
#define KERNEL_OB_SECURITY_H

#include "kernel/ob/ob.h"

/* descriptor.c */
VOID ObpInitializeDescriptors(VOID);
PSECURITY_DESCRIPTOR *ObpDescriptorOf(PVOID Object);
PSECURITY_DESCRIPTOR ObpReferenceDescriptorOf(PVOID Object); /* NULL: it has none */
/* The object has another one from now on, whose reference is taken over. FALSE: it has not Old. */
BOOLEAN ObpReplaceDescriptor(PVOID Object, PSECURITY_DESCRIPTOR Old, PSECURITY_DESCRIPTOR New);

/* Exported, and not declared by the headers. */
NTSTATUS NTAPI ObLogSecurityDescriptor(PSECURITY_DESCRIPTOR InputSecurityDescriptor,
                                       PSECURITY_DESCRIPTOR *OutputSecurityDescriptor,
                                       ULONG RefBias);
VOID NTAPI ObReferenceSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Count);
VOID NTAPI ObDereferenceSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Count);
NTSTATUS NTAPI ObSetSecurityObjectByPointer(PVOID Object, SECURITY_INFORMATION SecurityInformation,
                                            PSECURITY_DESCRIPTOR SecurityDescriptor);

/* security.c. A new object's, from what its creator gives; the subject's own defaults. */
NTSTATUS ObpAssignDescriptor(PVOID Object, PSECURITY_DESCRIPTOR Explicit);
/* May the caller have these rights? *Access becomes what is granted, without generic rights. */
NTSTATUS ObpCheckAccess(PVOID Object, KPROCESSOR_MODE Mode, PACCESS_MASK Access);

#endif
