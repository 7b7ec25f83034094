/*
 * The VGA text screen: 80 columns, 25 rows, at physical B8000h, seen through the window.
 * The caller keeps writers apart (the log's lock in kernel/kd/print.c).
 */
#include "kernel/hal/hal.h"
#include "mm/layout.h"

#define COLUMNS 80
#define ROWS    25
#define CELLS   (COLUMNS * ROWS)
#define TAB     8

#define GREY_ON_BLACK 0x07
#define WHITE_ON_BLUE 0x1F

#define CRTC_INDEX       ((PUCHAR)0x3D4)
#define CRTC_DATA        ((PUCHAR)0x3D5)
#define CRTC_CURSOR_HIGH 14
#define CRTC_CURSOR_LOW  15

static volatile USHORT *const HalpScreen = (volatile USHORT *)(MI_WINDOW_BASE + 0xB8000);
static ULONG HalpCursor;
static UCHAR HalpAttribute = GREY_ON_BLACK;

static VOID HalpBlank(ULONG From, ULONG To)
{
    while (From < To)
        HalpScreen[From++] = (USHORT)(HalpAttribute << 8 | ' ');
}

static VOID HalpMoveCursor(VOID)
{
    WRITE_PORT_UCHAR(CRTC_INDEX, CRTC_CURSOR_HIGH);
    WRITE_PORT_UCHAR(CRTC_DATA, (UCHAR)(HalpCursor >> 8));
    WRITE_PORT_UCHAR(CRTC_INDEX, CRTC_CURSOR_LOW);
    WRITE_PORT_UCHAR(CRTC_DATA, (UCHAR)HalpCursor);
}

static VOID HalpScroll(VOID)
{
    ULONG i;

    for (i = 0; i < CELLS - COLUMNS; i++)
        HalpScreen[i] = HalpScreen[i + COLUMNS];
    HalpBlank(CELLS - COLUMNS, CELLS);
    HalpCursor -= COLUMNS;
}

VOID HalpInitializeScreen(VOID)
{
    HalpBlank(0, CELLS);
    HalpCursor = 0;
    HalpMoveCursor();
}

VOID HalpScreenWrite(CHAR Character)
{
    switch (Character) {
    case '\r':
        HalpCursor -= HalpCursor % COLUMNS;
        break;
    case '\n':
        HalpCursor += COLUMNS - HalpCursor % COLUMNS;
        break;
    case '\t':
        HalpCursor += TAB - HalpCursor % TAB;
        break;
    case '\b':
        HalpCursor -= HalpCursor % COLUMNS ? 1 : 0;
        break;
    default:
        HalpScreen[HalpCursor++] = (USHORT)(HalpAttribute << 8 | (UCHAR)Character);
    }
    if (HalpCursor >= CELLS)
        HalpScroll();
    HalpMoveCursor();
}

/* The screen of a bug check: cleared, white on blue. */
VOID HalpScreenBlue(VOID)
{
    HalpAttribute = WHITE_ON_BLUE;
    HalpInitializeScreen();
}
