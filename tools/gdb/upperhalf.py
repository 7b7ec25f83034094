"""What GDB runs first to debug this kernel (tools/debug): settings, symbols, commands.

    commands.py  uh process, uh thread, uh irql, uh pte
    switch.py    uh switch, uh watch, uh step
    images.py    symbols of drivers and programs, as they come and go
    kernel.py    the kernel's data, through its own debugging information
    paging.py    address translation
    unwind.py    where a backtrace must end, $uh_interrupted

docs/gdb.md shows a session.
"""

import os
import sys

import gdb

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import commands     # noqa: E402 (the path had to be set first)
import images       # noqa: E402
import kernel       # noqa: E402
import switch       # noqa: E402
import unwind       # noqa: E402

SETTINGS = ("pagination off", "confirm off", "breakpoint pending on", "print pretty on",
            "backtrace past-main on", "print entry-values if-needed")

# QEMU's stub: while a single instruction is stepped, no interrupt is taken (2) and no timer runs
# on (4), so a step never ends up in the clock's interrupt. (QEMU manual, "GDB usage".)
SINGLE_STEP = "Qqemu.sstep=0x7"


# What a Multiboot loader leaves in EAX (Multiboot Specification 0.6.96, section 3.2). GRUB's own
# code may have run at BootEntry's address before.
LOADER_MAGIC = 0x2BADB002

WELCOME = """The machine is stopped at the kernel's first instruction; paging is still off.
`help uh` lists this kernel's commands, `continue` lets it run, Ctrl-C stops it.
"""


def begin(socket, boot_set):
    """Connects to the machine and runs to the kernel's first instruction.

    boot_set: paths of the files with symbols, besides the kernel's own, which GDB has by now.
    """
    for setting in SETTINGS:
        gdb.execute(f"set {setting}")
    kernel.quietly(f"target remote {socket}")
    gdb.selected_inferior().connection.send_packet(SINGLE_STEP)
    images.start(boot_set)
    first = gdb.Breakpoint("*BootEntry", internal=True)
    first.condition = f"$eax == {LOADER_MAGIC:#x}"
    kernel.quietly("continue")
    first.delete()
    gdb.execute("frame")
    print(WELCOME, end="")


commands.register()
switch.register()
unwind.register()
