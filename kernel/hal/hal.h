/*
 * The hardware abstraction layer: the only room that knows ports, chips and their registers.
 *
 * The interrupt part is one interface that the 8259 pair or the I/O APIC answers; nothing above it
 * knows which. What drivers may call (KfRaiseIrql, READ_PORT_UCHAR,
 * KeStallExecutionProcessor and so on) is declared by the DDK headers.
 */
#ifndef KERNEL_HAL_HAL_H
#define KERNEL_HAL_HAL_H

#include "kernel/nt.h"

/* irql.c: the interrupt interface. IRQL: any; interrupts disabled where noted. */
KIRQL HalVectorToIrql(ULONG Vector);
VOID FASTCALL HalRequestSoftwareInterrupt(KIRQL Irql);
VOID FASTCALL HalClearSoftwareInterrupt(KIRQL Irql);

struct _KPRCB;
/* controller.c: IRQL: any. A line is enabled for one processor, while it is disabled. */
BOOLEAN HalEnableSystemInterrupt(ULONG Vector, struct _KPRCB *Processor);
VOID HalDisableSystemInterrupt(ULONG Vector);
KAFFINITY HalQueryInterruptAffinity(VOID); /* the processors that there is a choice of */

VOID HalSendIpi(struct _KPRCB *Prcb); /* apic.c: IRQL: any */

/* WRITE_PORT_UCHAR without the call, for what every interrupt does. */
static inline VOID HalpWritePort(PUCHAR Port, UCHAR Value)
{
    __asm__ volatile("outb %0, %w1" : : "a"(Value), "Nd"((USHORT)(ULONG_PTR)Port) : "memory");
}

#define HAL_PCI_BUSES 256

/* isadma.c: the system's DMA controller. IRQL: any. */
#define HAL_DMA_CHANNELS  8
#define HAL_DMA_CASCADE   4    /* no channel: the first chip is connected there */
#define HAL_DMA_DEMAND    0x00 /* Mode: as long as the device asks; or */
#define HAL_DMA_SINGLE    0x40 /* one at a time; */
#define HAL_DMA_AUTOMATIC 0x10 /* from the beginning again and again */
VOID HalStartDma(ULONG Channel, UCHAR Mode, ULONG Address, ULONG Length, BOOLEAN WriteToDevice);
VOID HalStopDma(ULONG Channel);
ULONG HalReadDmaCount(ULONG Channel);

/* serial.c */
VOID HalpInitializeSerial(VOID);
VOID HalpSerialWrite(CHAR Character);
BOOLEAN HalpSerialRead(PCHAR Character);
VOID HalpSerialEnableReceive(VOID);

/* screen.c: 80x25 text. */
VOID HalpInitializeScreen(VOID);
VOID HalpScreenWrite(CHAR Character);
VOID HalpScreenBlue(VOID);

/* clock.c */
VOID HalpInitializeClock(VOID);
LONGLONG HalpReadRealTimeClock(VOID); /* 100 ns since 1601 */
#define CLOCK_TICK_100NS 100000       /* 10 ms */
#define CLOCK_IRQ        0
#define CLOCK_VECTOR     (PRIMARY_VECTOR_BASE + CLOCK_IRQ)

/* power.c */
NORETURN VOID HalpHalt(VOID);
NORETURN VOID HalpPowerOff(ULONG ExitValue);
extern ULONG HalpDebugExitPort;

/* ExitValue: what the debug-exit device is told, for the one who started QEMU (tools/run). */
#define EXIT_PROGRAM_STATUS  0x10 /* + the first program's status, capped at 95 */
#define EXIT_BUGCHECK        0x70
#define EXIT_FIRST_EXCEPTION 0x71
#define EXIT_BOOT_REFUSED    0x72

#endif
