"""GDB commands that show the kernel's state: uh process, uh thread, uh irql, uh pte.

Each class is one command; its first comment is what `help uh ...` prints. What is shown is named as
the Windows debugger's commands of the same names (!process, !thread, !irql, !pte) have it.
"""

import gdb

import kernel
import paging

IRQL_NAMES = {0: "PASSIVE_LEVEL", 1: "APC_LEVEL", 2: "DISPATCH_LEVEL", 27: "PROFILE_LEVEL",
              28: "CLOCK2_LEVEL", 29: "IPI_LEVEL", 30: "POWER_LEVEL", 31: "HIGH_LEVEL"}

# Bits of KPCR.IRR (kernel/hal/irql.c): software interrupts by their IRQL, then the lines.
FIRST_LINE_BIT = 4
LINES = 16


# What an address or number may be, and what stands for its own address, as in C.
NUMBERS = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_ENUM,
           gdb.TYPE_CODE_PTR)
PLACES = (gdb.TYPE_CODE_FUNC, gdb.TYPE_CODE_ARRAY)


def number(text):
    """The value of a GDB expression, as an address; a function or an array gives its own."""
    value = gdb.parse_and_eval(text)
    kind = value.type.strip_typedefs().code
    if kind in PLACES:
        value = value.address
    elif kind not in NUMBERS:
        raise gdb.GdbError(f"{text} is not an address or a number.")
    result = int(value)
    if not -0x80000000 <= result <= 0xFFFFFFFF:
        raise gdb.GdbError(f"{text} has more than 32 bits.")
    return result & 0xFFFFFFFF


class Command(gdb.Command):
    """What the commands have in common: the arguments as words, their number checked, one line
    for each error. (GDB prints two for an error of its own, the first about Python.)
    """

    most_words = 1
    least_words = 0
    completes = ()      # what the Tab key offers as argument: nothing, or a gdb.COMPLETE_...

    def __init__(self, name):
        self.name = name
        super().__init__(name, gdb.COMMAND_DATA, *self.completes)

    def invoke(self, argument, _from_tty):
        """Called by GDB."""
        try:
            words = gdb.string_to_argv(argument)
            if not self.least_words <= len(words) <= self.most_words:
                raise gdb.GdbError(f"Wrong number of arguments; see `help {self.name}`.")
            self.run(words)
        except gdb.error as error:
            raise gdb.GdbError(str(error)) from None

    def run(self, words):
        """Does the command's work."""
        raise NotImplementedError


class Upperhalf(gdb.Command):
    """Commands of this kernel's: processes, threads, the context switch, the page tables."""

    def __init__(self):
        super().__init__("uh", gdb.COMMAND_DATA, prefix=True)

    def invoke(self, argument, _from_tty):
        """`uh` alone, or with a word that is none of its commands."""
        if argument:
            raise gdb.GdbError(f"There is no command `uh {argument}`; see `help uh`.")
        gdb.execute("help uh")


def running_thread():
    """The current thread; a GDB error before there is one."""
    thread = kernel.current_thread()
    if thread is None:
        raise gdb.GdbError("The kernel has no threads yet.")
    return thread


# --- uh process, uh thread ----------------------------------------------------------------------

class ProcessCommand(Command):
    """Show the current process, or another, or all of them: uh process [PID | all]

For each: its number and program, the physical address of its page directory (what CR3 is loaded
with), and its threads. The current process is the owner of the current thread. If that thread is
attached to another process (KeStackAttachProcess), the address space in use is that one's."""

    def __init__(self):
        super().__init__("uh process")

    def run(self, words):
        if not words:
            thread = running_thread()
            print_process(thread.owner)
            if thread.space.pid != thread.owner.pid:
                print(f"    attached to process {thread.space.pid} {thread.space.name}, "
                      f"CR3 {thread.space.cr3:08x}")
        elif words == ["all"]:
            running_thread()
            for process in kernel.processes():
                print_process(process)
        else:
            print_process(kernel.find_process(number(words[0])))


def print_process(process):
    """One process and its threads."""
    threads = list(process.threads())
    loaded = "  (in CR3)" if kernel.register("cr3") == process.cr3 else ""
    print(f"PROCESS {process.address:08x}  pid {process.pid:<4} {process.name:<15} "
          f"CR3 {process.cr3:08x}  threads {len(threads)}{loaded}")
    current = running_thread().address
    for thread in threads:
        mark = "*" if thread.address == current else " "
        print(f"  {mark} THREAD {thread.address:08x}  tid {thread.tid:<4} {thread.state:<10} "
              f"priority {int(thread.tcb['Priority'])}{wait_reason(thread)}")


def wait_reason(thread):
    """What a waiting thread waits for, by the name of its KWAIT_REASON."""
    if thread.state != "Waiting":
        return ""
    reason = thread.tcb["WaitReason"].cast(gdb.lookup_type("KWAIT_REASON"))
    return f"  {reason}"


class ThreadCommand(Command):
    """Show the current thread: uh thread

Its state and priority, its kernel stack and how much of that is in use, IRQL, and where it will go
on in user mode. Between the two halves of a context switch the current thread is already the new
one; ESP tells whose stack is in use."""

    most_words = 0

    def __init__(self):
        super().__init__("uh thread")

    def run(self, words):
        thread = running_thread()
        tcb = thread.tcb
        print(f"THREAD {thread.address:08x}  {thread.name}  {thread.state}")
        print(f"    priority {int(tcb['Priority'])} (base {int(tcb['BasePriority'])}), "
              f"quantum {int(tcb['Quantum'])}, switched to {int(tcb['ContextSwitches'])} times")
        print_stack(tcb)
        print(f"    {describe_irql()}")
        print_user_mode(thread)


def print_stack(tcb):
    """The kernel stack: from where to where, and where ESP is."""
    low, high, esp = int(tcb["StackLimit"]), int(tcb["StackBase"]), kernel.register("esp")
    if low <= esp <= high:
        used = f"ESP {esp:08x}: {high - esp} of {high - low} bytes in use"
    else:
        used = f"ESP {esp:08x} is not on it"
    print(f"    kernel stack {low:08x} - {high:08x}, {used}")


def print_user_mode(thread):
    """Where the thread's user half is, if it has one."""
    if not thread.tcb["Teb"]:
        print("    a system thread: it never runs in user mode")
        return
    print(f"    TEB {int(thread.tcb['Teb']):08x}")
    if kernel.register("cs") & kernel.USER_LEVEL:
        print("    in user mode")
        return
    top = int(thread.tcb["InitialStack"])
    frame = kernel.pointer("KTRAP_FRAME", top) - 1
    eip, esp = int(frame["Eip"]), int(frame["HardwareEsp"])
    print(f"    came from user mode at {eip:08x}, stack {esp:08x}")


class IrqlCommand(Command):
    """Show this processor's IRQL and what waits for it to fall: uh irql

An interrupt that came too early is pending: it is taken when IRQL falls. DISPATCH is the software
interrupt that runs DPCs and switches threads."""

    most_words = 0

    def __init__(self):
        super().__init__("uh irql")

    def run(self, words):
        running_thread()
        print(describe_irql())


def describe_irql():
    """IRQL by name, the interrupt flag, and what is pending."""
    pcr = kernel.control_region()["Pcr"]
    irql = int(pcr["Irql"])
    name = IRQL_NAMES.get(irql, "a device's")
    enabled = "on" if kernel.register("eflags") & kernel.EFLAGS_INTERRUPTS else "off"
    return (f"IRQL {irql} ({name}), interrupts {enabled}, "
            f"pending: {pending_interrupts(int(pcr['IRR']))}")


def pending_interrupts(requested):
    """The bits of KPCR.IRR by name."""
    names = ["DISPATCH"] if requested & 1 << 2 else []
    names += [f"line {line}" for line in range(LINES) if requested >> FIRST_LINE_BIT + line & 1]
    return ", ".join(names) or "none"


# --- uh pte -------------------------------------------------------------------------------------

class PteCommand(Command):
    """Translate an address as the processor does: uh pte ADDRESS [PID]

Through the page directory in CR3, or that of the process named. Shows the directory entry and the
table entry, where each lies in physical memory, and what its bits say. For an address in the upper
half it also says in how many of all page directories the entry is the same."""

    least_words = 1
    most_words = 2
    completes = (gdb.COMPLETE_EXPRESSION,)

    def __init__(self):
        super().__init__("uh pte")

    def run(self, words):
        address = number(words[0])
        process = kernel.find_process(number(words[1])) if len(words) > 1 else None
        directory = process.cr3 if process else kernel.register("cr3")
        translation = paging.translate(address, directory if process else None)
        process = process or kernel.process_in_cr3()
        whose = f"process {process.pid} {process.name}" if process else "no process"
        print(f"{address:08x} through the directory at {directory:08x}, {whose}")
        print_translation(translation)
        if address >= kernel.SYSTEM_BASE:
            print_sharing(translation.pde)


def print_translation(translation):
    """Both entries and the outcome."""
    print_entry("PDE", translation.pde)
    if translation.pte:
        print_entry("PTE", translation.pte)
    if translation.physical is None:
        print("  not mapped: touching it is a page fault")
    else:
        print(f"  physical address {translation.physical:08x}")


def print_entry(kind, entry):
    """One entry."""
    print(f"  {kind} {entry.index:4} at {entry.place:08x}: {entry.contents:08x}  "
          f"{entry.describe()}")


def print_sharing(pde):
    """In how many directories the entry leads to the same page table."""
    found = [paging.Entry(process.cr3, pde.index) for process in kernel.processes()]
    same = [entry for entry in found if entry.frame == pde.frame and entry.valid]
    if found:
        print(f"  the same page table in {len(same)} of {len(found)} page directories")


def register():
    """Makes the commands known to GDB."""
    for command in Upperhalf, ProcessCommand, ThreadCommand, IrqlCommand, PteCommand:
        command()
