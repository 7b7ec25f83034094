/*
 * Share access: which opens of one thing go together. The driver keeps the SHARE_ACCESS, and the
 * lock that guards it (WDK: IoCheckShareAccess). An open that neither reads, writes nor deletes
 * does not count.
 */
#include "kernel/io/io.h"

#define READS  (FILE_READ_DATA | FILE_EXECUTE)
#define WRITES (FILE_WRITE_DATA | FILE_APPEND_DATA)

static BOOLEAN IopCounts(PFILE_OBJECT File)
{
    return File->ReadAccess || File->WriteAccess || File->DeleteAccess;
}

/* Adds what a file object has to the counts, or takes it off. */
static VOID IopCount(PFILE_OBJECT File, PSHARE_ACCESS Share, LONG Sign)
{
    if (!IopCounts(File))
        return;
    Share->OpenCount += Sign;
    Share->Readers += Sign * File->ReadAccess;
    Share->Writers += Sign * File->WriteAccess;
    Share->Deleters += Sign * File->DeleteAccess;
    Share->SharedRead += Sign * File->SharedRead;
    Share->SharedWrite += Sign * File->SharedWrite;
    Share->SharedDelete += Sign * File->SharedDelete;
}

/* What an open wants and allows, into its file object. */
static VOID IopSetAccess(PFILE_OBJECT File, ACCESS_MASK Access, ULONG Share)
{
    File->ReadAccess = (Access & READS) != 0;
    File->WriteAccess = (Access & WRITES) != 0;
    File->DeleteAccess = (Access & DELETE) != 0;
    File->SharedRead = File->SharedWrite = File->SharedDelete = FALSE;
    if (!IopCounts(File))
        return;
    File->SharedRead = (Share & FILE_SHARE_READ) != 0;
    File->SharedWrite = (Share & FILE_SHARE_WRITE) != 0;
    File->SharedDelete = (Share & FILE_SHARE_DELETE) != 0;
}

/* The first open. */
VOID NTAPI IoSetShareAccess(ACCESS_MASK DesiredAccess, ULONG DesiredShareAccess,
                            PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess)
{
    RtlZeroMemory(ShareAccess, sizeof *ShareAccess);
    IopSetAccess(FileObject, DesiredAccess, DesiredShareAccess);
    IopCount(FileObject, ShareAccess, 1);
}

static BOOLEAN IopConflicts(PFILE_OBJECT File, PSHARE_ACCESS Share)
{
    return (File->ReadAccess && Share->SharedRead < Share->OpenCount) ||
           (File->WriteAccess && Share->SharedWrite < Share->OpenCount) ||
           (File->DeleteAccess && Share->SharedDelete < Share->OpenCount) ||
           (Share->Readers && !File->SharedRead) || (Share->Writers && !File->SharedWrite) ||
           (Share->Deleters && !File->SharedDelete);
}

/* A further open. Update: counts it, if it goes. STATUS_SHARING_VIOLATION: it does not. */
NTSTATUS NTAPI IoCheckShareAccess(ACCESS_MASK DesiredAccess, ULONG DesiredShareAccess,
                                  PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess,
                                  BOOLEAN Update)
{
    IopSetAccess(FileObject, DesiredAccess, DesiredShareAccess);
    if (!IopCounts(FileObject))
        return STATUS_SUCCESS;
    if (IopConflicts(FileObject, ShareAccess))
        return STATUS_SHARING_VIOLATION;
    if (Update)
        IopCount(FileObject, ShareAccess, 1);
    return STATUS_SUCCESS;
}

/* Counts an open that IoCheckShareAccess has let pass without. */
VOID NTAPI IoUpdateShareAccess(PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess)
{
    IopCount(FileObject, ShareAccess, 1);
}

/* An open ends. */
VOID NTAPI IoRemoveShareAccess(PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess)
{
    IopCount(FileObject, ShareAccess, -1);
}
