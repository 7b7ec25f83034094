"""GDB commands for the context switch: uh switch, uh watch, uh step.

    uh watch 0x500000 DemoText      the addresses to keep an eye on
    uh switch cr3                   run until two processes change places
    uh step                         one instruction of KiSwapContext, and what it changed
"""

import struct

import gdb

import commands
import kernel
import paging

WORD_BYTES = 4
MOST_STEPS = 10000


# --- uh switch ----------------------------------------------------------------------------------

class SwitchCommand(commands.Command):
    """Run to the next context switch: uh switch [cr3 | user]

Stops at the first instruction of KiSwapContext and says from which thread to which. With `cr3`,
only at a switch between threads that run in different address spaces, which loads CR3; with `user`,
only if besides both are threads of programs."""

    def __init__(self):
        super().__init__("uh switch")

    def complete(self, _text, word):
        """Called by GDB for the Tab key."""
        return [kind for kind in ("cr3", "user") if kind.startswith(word or "")]

    def run(self, words):
        kind = words[0] if words else "any"
        if kind not in SWITCHES:
            raise gdb.GdbError("The only options are `cr3` and `user`; see `help uh switch`.")
        stop = SwitchBreakpoint(SWITCHES[kind])
        try:
            gdb.execute("continue")
        finally:
            if stop.is_valid():
                stop.delete()
        if stop.reached:
            print_switch()
            gdb.execute("frame")


def is_any(_old, _new):
    """Any switch."""
    return True


def loads_cr3(old, new):
    """A switch to another address space."""
    return old.space.cr3 != new.space.cr3


def is_between_programs(old, new):
    """The same, and both threads have a user half."""
    return loads_cr3(old, new) and bool(old.tcb["Teb"]) and bool(new.tcb["Teb"])


SWITCHES = {"any": is_any, "cr3": loads_cr3, "user": is_between_programs}


class SwitchBreakpoint(gdb.Breakpoint):
    """At KiSwapContext's first instruction, for the switches that are wanted."""

    def __init__(self, wanted):
        super().__init__("*KiSwapContext", internal=True)
        self.silent = True
        self.wanted = wanted
        self.reached = False

    def stop(self):
        """Called by GDB: stop here? Yes if Ctrl-C is pressed just now."""
        try:
            self.reached = self.wanted(old_thread(), new_thread())
        except KeyboardInterrupt:
            return True
        return self.reached


def old_thread():
    """At KiSwapContext's first instruction: its first argument."""
    return kernel.Thread(kernel.pointer("KTHREAD", kernel.register("ecx")))


def new_thread():
    """At KiSwapContext's first instruction: its second argument."""
    return kernel.Thread(kernel.pointer("KTHREAD", kernel.register("edx")))


def print_switch():
    """Who gives way to whom."""
    for word, thread in ("from", old_thread()), ("to", new_thread()):
        print(f"switch {word:<4} {thread.name:<20} thread {thread.address:08x}  "
              f"CR3 {thread.space.cr3:08x}")


# --- uh watch -----------------------------------------------------------------------------------

_watched = []       # addresses, in the order given


class WatchCommand(commands.Command):
    """Name addresses that `uh step` is to show: uh watch [ADDRESS... | clear]

An address is any GDB expression. Without one, shows what is there now: the page frame behind each
address through the page directory in CR3, and the word and the text there."""

    most_words = 16
    completes = (gdb.COMPLETE_EXPRESSION,)

    def __init__(self):
        super().__init__("uh watch")

    def run(self, words):
        if words == ["clear"]:
            _watched.clear()
            return
        for address in [commands.number(word) for word in words]:
            if address not in _watched:
                _watched.append(address)
        for address in _watched:
            print(f"  {address:08x}  {look(address)}")


def look(address):
    """What is at an address, through the directory in CR3: frame, word, text. One line."""
    if not kernel.is_running():
        return "paging is off"
    physical = paging.translate(address).physical
    if physical is None:
        return "not mapped"
    size = min(24, kernel.PAGE_BYTES - physical % kernel.PAGE_BYTES)
    data = kernel.read_physical(physical, size)
    line = f"frame {physical // kernel.PAGE_BYTES:05x}"
    if size >= WORD_BYTES:
        line += f"  {struct.unpack_from('<I', data)[0]:08x}"
    text = data.split(b"\0")[0]
    if len(text) >= WORD_BYTES and text.isascii() and text.decode("ascii").isprintable():
        line += f'  "{text.decode("ascii")}"'
    return line


# --- uh step ------------------------------------------------------------------------------------

class StepCommand(commands.Command):
    """Step instructions and show what each one changed: uh step [COUNT]

Shows the instruction, then ESP and CR3 if it changed them. When it changes CR3, or what can be read
at an address given to `uh watch`, shows all these addresses: what was there before, and after.
Timer and device interrupts wait meanwhile, so one step is one instruction of what is looked at."""

    def __init__(self):
        super().__init__("uh step")

    def run(self, words):
        count = commands.number(words[0]) if words else 1
        if not 1 <= count <= MOST_STEPS:
            raise gdb.GdbError(f"COUNT is 1 to {MOST_STEPS}.")
        for _ in range(count):
            step_and_show()


def step_and_show():
    """One instruction."""
    print(instruction_at(kernel.register("eip")))
    before = State()
    kernel.quietly("stepi")
    print_changes(before, State())


def instruction_at(address):
    """An instruction, with its place in the sources."""
    instruction = gdb.selected_inferior().architecture().disassemble(address)[0]["asm"]
    line = gdb.find_pc_line(address)
    place = f"{line.symtab.filename}:{line.line}" if line.symtab else f"{address:08x}"
    return f"{place}  {' '.join(instruction.split())}"


class State:
    """What `uh step` compares."""

    def __init__(self):
        self.esp = kernel.register("esp")
        self.cr3 = kernel.register("cr3")
        self.process = kernel.process_in_cr3()
        self.watched = {address: look(address) for address in _watched}

    @property
    def space(self):
        """CR3 and the process whose directory that is."""
        whose = f" ({self.process.pid} {self.process.name})" if self.process else ""
        return f"{self.cr3:08x}{whose}"


def print_changes(before, after):
    """The differences."""
    if before.esp != after.esp:
        print(f"    ESP       {before.esp:08x} -> {after.esp:08x}"
              f"{stack_owner(before.esp, after.esp)}")
    if before.cr3 != after.cr3:
        print(f"    CR3       {before.space} -> {after.space}")
    if before.cr3 != after.cr3 or before.watched != after.watched:
        for address, then in before.watched.items():
            print_watched(address, then, after.watched[address])


def print_watched(address, then, now):
    """One watched address before and after."""
    verdict = f"{then} -> {now}" if then != now else f"{then}  stays"
    print(f"    {address:08x}  {verdict}")


def stack_owner(before, after):
    """After a jump to another stack, which no push or pop makes: whose kernel stack it is."""
    if abs(after - before) < kernel.PAGE_BYTES:
        return ""
    thread = kernel.thread_on_stack(after)
    return f"  the stack of {thread.name}" if thread else ""


def register():
    """Makes the commands known to GDB."""
    for command in SwitchCommand, WatchCommand, StepCommand:
        command()
