/*
 * What user mode finds about itself: the process environment block and each thread's environment
 * block, at the offsets that Windows' programs know. They are ordinary user memory, written once
 * by the kernel: nothing in them is believed afterwards.
 */
#include "kernel/ps/ps.h"
#include "kernel/rtl/rtl.h"
#include "kernel/services.h"

typedef struct _PEB {
    UCHAR Flags[8];
    PVOID ImageBaseAddress;  /* 08 */
    PVOID Ldr;               /* 0C */
    PVOID ProcessParameters; /* 10 */
} PEB, *PPEB;

typedef struct _TEB {
    NT_TIB NtTib;
    PVOID EnvironmentPointer;     /* 1C */
    CLIENT_ID ClientId;           /* 20 */
    PVOID ActiveRpcHandle;        /* 28 */
    PVOID ThreadLocalStorage;     /* 2C */
    PPEB ProcessEnvironmentBlock; /* 30 */
    ULONG LastErrorValue;         /* 34 */
} TEB;

C_ASSERT(FIELD_OFFSET(TEB, ClientId) == 0x20 && FIELD_OFFSET(TEB, LastErrorValue) == 0x34);

C_ASSERT(FIELD_OFFSET(RTL_USER_PROCESS_PARAMETERS, ImagePathName) == 0x38);

/* Puts a string's text, zero-terminated, at *Text, which moves on; String describes it. */
static VOID PspPlaceString(PUNICODE_STRING String, PUNICODE_STRING From, PUCHAR *Text)
{
    String->Length = From->Length;
    String->MaximumLength = From->Length + sizeof(WCHAR);
    String->Buffer = (PWSTR)*Text;
    memcpy(*Text, From->Buffer, From->Length);
    *Text += (String->MaximumLength + 3) & ~3;
}

NTSTATUS PspCreatePeb(PEPROCESS Process, PVOID ImageBase, PUNICODE_STRING ImagePath,
                      PUNICODE_STRING CommandLine)
{
    SIZE_T Bytes = sizeof(PEB) + sizeof(RTL_USER_PROCESS_PARAMETERS) + ImagePath->Length +
                   CommandLine->Length + 4 * sizeof(WCHAR) + 8;
    RTL_USER_PROCESS_PARAMETERS *Parameters;
    PVOID Base = NULL;
    PUCHAR Text;
    PPEB Peb;
    NTSTATUS Status = MmAllocateUserMemory(&Base, Bytes, TRUE);

    if (!NT_SUCCESS(Status))
        return Status;
    Process->Peb = Peb = Base;
    Parameters = (RTL_USER_PROCESS_PARAMETERS *)(Peb + 1);
    Text = (PUCHAR)(Parameters + 1);
    Peb->ImageBaseAddress = ImageBase;
    Peb->ProcessParameters = Parameters;
    Parameters->MaximumLength = Parameters->Length = (ULONG)(Bytes - sizeof *Peb);
    Parameters->Flags = 1;
    PspPlaceString(&Parameters->ImagePathName, ImagePath, &Text);
    PspPlaceString(&Parameters->CommandLine, CommandLine, &Text);
    return STATUS_SUCCESS;
}

NTSTATUS PspCreateTeb(PETHREAD Thread, PVOID StackTop, PVOID StackLimit)
{
    TEB Teb = {0};
    PVOID Base = NULL;
    NTSTATUS Status = MmAllocateUserMemory(&Base, PAGE_SIZE, TRUE);

    if (!NT_SUCCESS(Status))
        return Status;
    Teb.NtTib.ExceptionList = (PVOID)-1;
    Teb.NtTib.StackBase = StackTop;
    Teb.NtTib.StackLimit = StackLimit;
    Teb.NtTib.Self = Base;
    Teb.ClientId = Thread->Cid;
    Teb.ProcessEnvironmentBlock = Thread->ThreadsProcess->Peb;
    Status = ExCopyToUser(Base, &Teb, sizeof Teb); /* other threads may be freeing memory */
    if (!NT_SUCCESS(Status)) {
        MmFreeUserMemory(Base);
        return Status;
    }
    Thread->Tcb.Teb = Base;
    return STATUS_SUCCESS;
}
