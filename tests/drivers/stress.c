/*
 * A game of 64 threads in 8 processes, on all processors, that finds lost wake-ups: every player
 * makes random moves for some time (tokens passed by semaphores, locks, timers, DPCs, APCs, alerts,
 * other processes' memory, priorities, affinities, threads that come and go), and everything that
 * can be counted is counted on both sides. When all are done the counts must agree exactly.
 *
 * Moves are chosen by a random number generator for each player, so a seed repeats what each does,
 * though not when.
 */
#include <ntifs.h>
#include "stress.h"

NTKERNELAPI VOID NTAPI KeInitializeApc(PKAPC, PKTHREAD, ULONG, PKKERNEL_ROUTINE, PKRUNDOWN_ROUTINE,
                                       PKNORMAL_ROUTINE, KPROCESSOR_MODE, PVOID);
NTKERNELAPI BOOLEAN NTAPI KeInsertQueueApc(PKAPC, PVOID, PVOID, KPRIORITY);
NTKERNELAPI BOOLEAN NTAPI KeAlertThread(PKTHREAD, KPROCESSOR_MODE);

DRIVER_INITIALIZE DriverEntry;

#define POOL_TAG              'rtS '
#define MOST_TOKENS           MAXLONG
#define LOCK_KINDS            5
#define HIGHEST_PRIORITY      (LOW_REALTIME_PRIORITY - 1)
#define ORIGINAL_ENVIRONMENT  0
#define MILLISECOND           10000LL
#define CERTAINLY             (10000 * MILLISECOND) /* by then, what is there has been seen */

typedef struct _PLAYER {
    PKTHREAD Thread;
    PKPROCESS Process;
    ULONG Stamp;
    ULONG Random;

    KSEMAPHORE Mailbox;
    volatile LONG Sent; /* tokens, by anybody */
    LONG Received;

    KTIMER Timer;
    KDPC TimerDpc;
    volatile LONG TimerFired;
    LONG TimerSet, TimerCancelled;

    KDPC Dpc;
    volatile LONG DpcRan;
    LONG DpcQueued, DpcRemoved;

    LONG Moves, Additions, ThreadsStarted, ThreadsEnded;
} PLAYER, *PPLAYER;

static PLAYER Players[PLAYERS];
static KEVENT AllThere, AllDone, Never, Always;
static volatile LONG Joined, Finished;
static volatile LONG ApcsQueued, ApcsOver, LostWakeups, WrongStamps, WrongProcessors, WrongMemory;

/* The sums that the locks guard, one each. */
static FAST_MUTEX FastMutex;
static KGUARDED_MUTEX GuardedMutex;
static KMUTEX Mutex;
static ERESOURCE Resource;
static KSPIN_LOCK SpinLock;
static volatile ULONG Sums[LOCK_KINDS];

/* A number below Limit. */
static ULONG Random(PPLAYER Player, ULONG Limit)
{
    Player->Random ^= Player->Random << 13;
    Player->Random ^= Player->Random >> 17;
    Player->Random ^= Player->Random << 5;
    return Player->Random % Limit;
}

static PPLAYER RandomPlayer(PPLAYER Player)
{
    return &Players[Random(Player, PLAYERS)];
}

/* ---- Tokens -----------------------------------------------------------------------------------
 */

/* At any IRQL <= DISPATCH_LEVEL. */
static VOID Send(PPLAYER To, KPRIORITY Increment)
{
    InterlockedIncrement(&To->Sent);
    KeReleaseSemaphore(&To->Mailbox, Increment, 1, FALSE);
}

static VOID SendToSomebody(PPLAYER Player)
{
    Send(RandomPlayer(Player), (KPRIORITY)Random(Player, 4));
}

/* A wait for the own mailbox in one of many ways; those that are alertable may end without it. */
static NTSTATUS WaitForToken(PPLAYER Player, LONGLONG Time, BOOLEAN MayBeAlerted)
{
    PVOID Both[2] = {&Player->Mailbox, &Never}, All[2] = {&Always, &Player->Mailbox};
    LARGE_INTEGER Timeout = {.QuadPart = -Time};
    KPROCESSOR_MODE Mode = Random(Player, 2) ? UserMode : KernelMode;

    switch (Random(Player, MayBeAlerted ? 4 : 3)) {
    case 0:
        return KeWaitForMultipleObjects(2, Both, WaitAny, Executive, KernelMode, FALSE, &Timeout,
                                        NULL);
    case 1:
        return KeWaitForMultipleObjects(2, All, WaitAll, Executive, KernelMode, FALSE, &Timeout,
                                        NULL);
    case 2:
        return KeWaitForSingleObject(&Player->Mailbox, Executive, KernelMode, FALSE, &Timeout);
    default:
        return KeWaitForSingleObject(&Player->Mailbox, Executive, Mode, TRUE, &Timeout);
    }
}

/* A token that has been sent must come. */
static VOID Receive(PPLAYER Player)
{
    BOOLEAN Owed = Player->Sent > Player->Received;
    LONGLONG Time = Owed ? CERTAINLY : (LONGLONG)Random(Player, 3) * MILLISECOND;
    NTSTATUS Status = WaitForToken(Player, Time, !Owed);

    if (Status == STATUS_SUCCESS)
        Player->Received++;
    else if (Owed)
        InterlockedIncrement(&LostWakeups);
}

/* ---- Locks ------------------------------------------------------------------------------------
 */

static VOID Acquire(ULONG Kind, PKIRQL Irql)
{
    switch (Kind) {
    case 0:
        ExAcquireFastMutex(&FastMutex);
        break;
    case 1:
        KeAcquireGuardedMutex(&GuardedMutex);
        break;
    case 2:
        KeWaitForSingleObject(&Mutex, Executive, KernelMode, FALSE, NULL);
        break;
    case 3:
        KeEnterCriticalRegion();
        ExAcquireResourceExclusiveLite(&Resource, TRUE);
        break;
    default:
        KeAcquireSpinLock(&SpinLock, Irql);
        break;
    }
}

static VOID Release(ULONG Kind, KIRQL Irql)
{
    switch (Kind) {
    case 0:
        ExReleaseFastMutex(&FastMutex);
        break;
    case 1:
        KeReleaseGuardedMutex(&GuardedMutex);
        break;
    case 2:
        KeReleaseMutex(&Mutex, FALSE);
        break;
    case 3:
        ExReleaseResourceLite(&Resource);
        KeLeaveCriticalRegion();
        break;
    default:
        KeReleaseSpinLock(&SpinLock, Irql);
        break;
    }
}

/* Adds one in two steps; between them another thread may run, but must not add. */
static VOID AddUnderLock(PPLAYER Player)
{
    ULONG Kind = Random(Player, LOCK_KINDS), Sum;
    KIRQL Irql = PASSIVE_LEVEL;

    Acquire(Kind, &Irql);
    Sum = Sums[Kind];
    if (Kind != LOCK_KINDS - 1 && Random(Player, 8) == 0)
        ZwYieldExecution();
    Sums[Kind] = Sum + 1;
    Release(Kind, Irql);
    Player->Additions++;
}

/* ---- Timers and DPCs --------------------------------------------------------------------------
 */

static VOID NTAPI TimerDpcRoutine(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PPLAYER Player = Context;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    Send(Player, 1);
    InterlockedIncrement(&Player->TimerFired);
}

/* Sets the timer when it is over with, else perhaps cancels it, perhaps while it expires. */
static VOID UseTimer(PPLAYER Player)
{
    LARGE_INTEGER Due = {.QuadPart = -(LONGLONG)Random(Player, 30) * MILLISECOND};

    if (Player->TimerSet == Player->TimerFired + Player->TimerCancelled) {
        Player->TimerSet++;
        KeSetTimer(&Player->Timer, Due, &Player->TimerDpc);
    } else if (Random(Player, 4) == 0) {
        Player->TimerCancelled += KeCancelTimer(&Player->Timer);
    }
}

static VOID NTAPI DpcRoutine(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PPLAYER Player = Context;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    Send(Player, 2);
    InterlockedIncrement(&Player->DpcRan);
}

static VOID UseDpc(PPLAYER Player)
{
    if (Player->DpcQueued == Player->DpcRan + Player->DpcRemoved)
        KeSetTargetProcessorDpc(&Player->Dpc, (CCHAR)Random(Player, (ULONG)KeNumberProcessors));
    Player->DpcQueued += KeInsertQueueDpc(&Player->Dpc, NULL, NULL);
    if (Random(Player, 4) == 0)
        Player->DpcRemoved += KeRemoveQueueDpc(&Player->Dpc);
}

/* ---- APCs and alerts ---------------------------------------------------------------------------
 */

static VOID NTAPI KernelRoutine(PKAPC Apc, PKNORMAL_ROUTINE *Normal, PVOID *Context,
                                PVOID *Argument1, PVOID *Argument2)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    if (Apc->ApcMode == UserMode)
        *Normal = NULL; /* the program has no part in this */
    ExFreePool(Apc);
    InterlockedIncrement(&ApcsOver);
}

static VOID NTAPI NormalRoutine(PVOID Context, PVOID Argument1, PVOID Argument2)
{
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    Send(Context, 0);
}

static VOID NTAPI RundownRoutine(PKAPC Apc)
{
    ExFreePool(Apc);
    InterlockedIncrement(&ApcsOver);
}

static VOID QueueApc(PPLAYER Player)
{
    PPLAYER To = RandomPlayer(Player);
    PKAPC Apc = ExAllocatePoolWithTag(NonPagedPool, sizeof *Apc, POOL_TAG);
    ULONG Kind = Random(Player, 3);

    if (Apc == NULL)
        return;
    KeInitializeApc(Apc, To->Thread, ORIGINAL_ENVIRONMENT, KernelRoutine, RundownRoutine,
                    Kind ? NormalRoutine : NULL, Kind == 1 ? UserMode : KernelMode, To);
    InterlockedIncrement(&ApcsQueued);
    if (!KeInsertQueueApc(Apc, NULL, NULL, (KPRIORITY)Random(Player, 3)))
        RundownRoutine(Apc);
}

static VOID Alert(PPLAYER Player)
{
    KeAlertThread(RandomPlayer(Player)->Thread, Random(Player, 2) ? UserMode : KernelMode);
}

/* ---- Address spaces, processors, memory ---------------------------------------------------------
 */

static VOID CheckStamp(ULONG Expected)
{
    if (*(volatile ULONG *)STAMP_ADDRESS != Expected)
        InterlockedIncrement(&WrongStamps);
}

static VOID Attach(PPLAYER Player)
{
    PPLAYER Other = RandomPlayer(Player);
    KAPC_STATE State;

    CheckStamp(Player->Stamp);
    KeStackAttachProcess(Other->Process, &State);
    CheckStamp(Other->Stamp);
    if (Random(Player, 2))
        ZwYieldExecution();
    CheckStamp(Other->Stamp);
    KeUnstackDetachProcess(&State);
    CheckStamp(Player->Stamp);
}

static VOID ChangePriority(PPLAYER Player)
{
    KeSetPriorityThread(RandomPlayer(Player)->Thread,
                        1 + (KPRIORITY)Random(Player, HIGHEST_PRIORITY));
}

static VOID ChangeProcessor(PPLAYER Player)
{
    ULONG Number = Random(Player, (ULONG)KeNumberProcessors);

    KeSetSystemAffinityThread((KAFFINITY)1 << Number);
    if (KeGetCurrentProcessorNumber() != Number)
        InterlockedIncrement(&WrongProcessors);
    if (Random(Player, 2))
        ZwYieldExecution();
    if (KeGetCurrentProcessorNumber() != Number)
        InterlockedIncrement(&WrongProcessors);
    KeRevertToUserAffinityThread();
}

static VOID UsePool(PPLAYER Player)
{
    SIZE_T Bytes = 1 + Random(Player, 2 * PAGE_SIZE);
    PUCHAR Block = ExAllocatePoolWithTag(Random(Player, 2) ? PagedPool : NonPagedPool, Bytes,
                                         POOL_TAG);

    if (Block == NULL)
        return;
    Block[0] = Block[Bytes - 1] = (UCHAR)Player->Stamp;
    if (Random(Player, 2))
        ZwYieldExecution();
    if (Block[0] != (UCHAR)Player->Stamp || Block[Bytes - 1] != (UCHAR)Player->Stamp)
        InterlockedIncrement(&WrongMemory);
    ExFreePoolWithTag(Block, POOL_TAG);
}

static VOID Pause(PPLAYER Player)
{
    LARGE_INTEGER Time = {.QuadPart = -(LONGLONG)Random(Player, 2) * MILLISECOND};

    KeDelayExecutionThread(KernelMode, FALSE, &Time);
}

/* ---- Threads ------------------------------------------------------------------------------------
 */

static VOID NTAPI HelperRoutine(PVOID Context)
{
    Send(Context, 0);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* A system thread comes and goes, in the player's process or in the System process. */
static VOID UseThread(PPLAYER Player)
{
    LARGE_INTEGER Timeout = {.QuadPart = -CERTAINLY};
    OBJECT_ATTRIBUTES Attributes;
    PKTHREAD Thread;
    HANDLE Handle;

    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    if (!NT_SUCCESS(PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, &Attributes,
                                         Random(Player, 2) ? NULL : ZwCurrentProcess(), NULL,
                                         HelperRoutine, Player)))
        return;
    Player->ThreadsStarted++;
    if (NT_SUCCESS(ObReferenceObjectByHandle(Handle, SYNCHRONIZE, *PsThreadType, KernelMode,
                                             (PVOID *)&Thread, NULL))) {
        if (KeWaitForSingleObject(Thread, Executive, KernelMode, FALSE, &Timeout) == STATUS_SUCCESS)
            Player->ThreadsEnded++;
        ObDereferenceObject(Thread);
    }
    ZwClose(Handle);
}

/* ---- The game -----------------------------------------------------------------------------------
 */

/* The more often a move is here, the more often it is made. */
static VOID (*const Moves[])(PPLAYER Player) = {
    SendToSomebody, SendToSomebody, Receive, Receive,        Receive,         AddUnderLock,
    AddUnderLock,   UseTimer,       UseDpc,  QueueApc,       QueueApc,        Alert,
    Attach,         Attach,         UsePool, ChangePriority, ChangeProcessor, Pause,
};

#define THREAD_EVERY 64 /* moves, about: the costliest one */

static VOID Play(PPLAYER Player, ULONG Milliseconds)
{
    LARGE_INTEGER Now, End;

    KeQuerySystemTime(&Now);
    End.QuadPart = Now.QuadPart + Milliseconds * MILLISECOND;
    while (Now.QuadPart < End.QuadPart) {
        if (Random(Player, THREAD_EVERY) == 0)
            UseThread(Player);
        else
            Moves[Random(Player, RTL_NUMBER_OF(Moves))](Player);
        Player->Moves++;
        KeQuerySystemTime(&Now);
    }
}

/* Returns when all players have come here. */
static VOID Meet(volatile LONG *Count, PKEVENT Event)
{
    if (InterlockedIncrement(Count) == PLAYERS)
        KeSetEvent(Event, IO_NO_INCREMENT, FALSE);
    KeWaitForSingleObject(Event, Executive, KernelMode, FALSE, NULL);
}

static NTSTATUS Join(const STRESS_PLAY *Request)
{
    PPLAYER Player = &Players[Request->Index];

    Player->Thread = KeGetCurrentThread();
    Player->Process = (PKPROCESS)IoGetCurrentProcess();
    Player->Stamp = STAMP_OF(Request->Index / PLAYERS_OF_EACH);
    Player->Random = (Request->Seed * PLAYERS + Request->Index) * 2654435761u | 1;
    ObReferenceObject(Player->Thread);
    ObReferenceObject(Player->Process);
    Meet(&Joined, &AllThere);
    Play(Player, Request->Milliseconds);
    Meet(&Finished, &AllDone);
    Player->TimerCancelled += KeCancelTimer(&Player->Timer);
    Player->DpcRemoved += KeRemoveQueueDpc(&Player->Dpc);
    return STATUS_SUCCESS;
}

/* What one player has counted. Tokens that are still in its mailbox count as received. */
static VOID AddCounts(PPLAYER Player, STRESS_RESULT *Result)
{
    Result->Moves += (ULONG)Player->Moves;
    Result->TokensSent += (ULONG)Player->Sent;
    Result->TokensReceived +=
        (ULONG)(Player->Received + KeReadStateSemaphore(&Player->Mailbox));
    Result->Additions += (ULONG)Player->Additions;
    Result->TimersSet += (ULONG)Player->TimerSet;
    Result->TimersFiredOrCancelled += (ULONG)(Player->TimerFired + Player->TimerCancelled);
    Result->DpcsQueued += (ULONG)Player->DpcQueued;
    Result->DpcsRunOrRemoved += (ULONG)(Player->DpcRan + Player->DpcRemoved);
    Result->ThreadsStarted += (ULONG)Player->ThreadsStarted;
    Result->ThreadsEnded += (ULONG)Player->ThreadsEnded;
}

/* When the players' processes have ended. */
static NTSTATUS GetResult(STRESS_RESULT *Result)
{
    ULONG i;

    if (Finished != PLAYERS)
        return STATUS_DEVICE_BUSY;
    KeFlushQueuedDpcs();
    RtlZeroMemory(Result, sizeof *Result);
    for (i = 0; i < PLAYERS; i++) {
        AddCounts(&Players[i], Result);
        ObDereferenceObject(Players[i].Thread);
        ObDereferenceObject(Players[i].Process);
    }
    for (i = 0; i < LOCK_KINDS; i++)
        Result->Sum += Sums[i];
    Result->ApcsQueued = (ULONG)ApcsQueued;
    Result->ApcsRunOrRundown = (ULONG)ApcsOver;
    Result->LostWakeups = (ULONG)LostWakeups;
    Result->WrongStamps = (ULONG)WrongStamps;
    Result->WrongProcessors = (ULONG)WrongProcessors;
    Result->WrongMemory = (ULONG)WrongMemory;
    return STATUS_SUCCESS;
}

static NTSTATUS Control(PIRP Irp, PIO_STACK_LOCATION Location)
{
    PVOID Buffer = Irp->AssociatedIrp.SystemBuffer;
    ULONG In = Location->Parameters.DeviceIoControl.InputBufferLength;
    ULONG Out = Location->Parameters.DeviceIoControl.OutputBufferLength;

    switch (Location->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_STRESS_PLAY:
        if (In < sizeof(STRESS_PLAY) || ((STRESS_PLAY *)Buffer)->Index >= PLAYERS)
            return STATUS_INVALID_PARAMETER;
        return Join(Buffer);
    case IOCTL_STRESS_RESULT:
        if (Out < sizeof(STRESS_RESULT))
            return STATUS_BUFFER_TOO_SMALL;
        Irp->IoStatus.Information = sizeof(STRESS_RESULT);
        return GetResult(Buffer);
    default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
}

static NTSTATUS NTAPI Dispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Location = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status = STATUS_SUCCESS;

    UNREFERENCED_PARAMETER(DeviceObject);
    Irp->IoStatus.Information = 0;
    if (Location->MajorFunction == IRP_MJ_DEVICE_CONTROL)
        Status = Control(Irp, Location);
    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID InitializePlayer(PPLAYER Player)
{
    KeInitializeSemaphore(&Player->Mailbox, 0, MOST_TOKENS);
    KeInitializeTimer(&Player->Timer);
    KeInitializeDpc(&Player->TimerDpc, TimerDpcRoutine, Player);
    KeInitializeDpc(&Player->Dpc, DpcRoutine, Player);
}

static VOID NTAPI Unload(PDRIVER_OBJECT DriverObject)
{
    ExDeleteResourceLite(&Resource);
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(STRESS_DEVICE_NAME);
    PDEVICE_OBJECT Device;
    ULONG i;

    UNREFERENCED_PARAMETER(RegistryPath);
    for (i = 0; i < PLAYERS; i++)
        InitializePlayer(&Players[i]);
    KeInitializeEvent(&AllThere, NotificationEvent, FALSE);
    KeInitializeEvent(&AllDone, NotificationEvent, FALSE);
    KeInitializeEvent(&Never, NotificationEvent, FALSE);
    KeInitializeEvent(&Always, NotificationEvent, TRUE);
    ExInitializeFastMutex(&FastMutex);
    KeInitializeGuardedMutex(&GuardedMutex);
    KeInitializeMutex(&Mutex, 0);
    KeInitializeSpinLock(&SpinLock);
    ExInitializeResourceLite(&Resource);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = Dispatch;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = Dispatch;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Dispatch;
    DriverObject->DriverUnload = Unload;
    return IoCreateDevice(DriverObject, 0, &Name, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
}
