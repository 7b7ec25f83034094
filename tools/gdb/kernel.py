"""The kernel's data as GDB sees it: processor, threads, processes, images, physical memory.

Offsets and sizes are never written here: they come from the kernel's own debugging information, so
this keeps up with the sources. What is read is the machine as it stands, at any instruction, so a
list may be read in the middle of a change; a walk therefore ends after MOST_ENTRIES.

Before paging is on there are no lists: the functions then return None or nothing.
"""

import re
import struct

import gdb

MOST_ENTRIES = 4096
PAGE_BYTES = 4096

# Selectors (kernel/ke/ke.h; the numbers are Windows'). The two low bits are the privilege level.
PCR_SELECTOR = 0x30
USER_LEVEL = 3
CR0_PAGING = 0x80000000
EFLAGS_INTERRUPTS = 0x200
SYSTEM_BASE = 0x80000000


def register(name):
    """A register of the selected processor, as a number (never a caller's: the newest frame's)."""
    return int(gdb.newest_frame().read_register(name)) & 0xFFFFFFFF


def pointer(type_name, address):
    """`address` as a pointer to a type of the kernel's."""
    return gdb.Value(address).cast(gdb.lookup_type(type_name).pointer())


def offset_of(type_name, member):
    """A member's offset in bytes; `member` may be Outer.Inner."""
    kind, total = gdb.lookup_type(type_name), 0
    for name in member.split("."):
        field = kind.strip_typedefs()[name]
        total += field.bitpos // 8
        kind = field.type
    return total


def walk(head, type_name, member):
    """The structures in a LIST_ENTRY list. Nothing if the list has not been made yet."""
    entry, offset = head["Flink"], offset_of(type_name, member)
    for _ in range(MOST_ENTRIES):
        if not entry or entry == head.address:
            return
        yield pointer(type_name, int(entry) - offset).dereference()
        entry = entry["Flink"]


def is_running():
    """Is paging on, so that the kernel's data can be read?"""
    return bool(register("cr0") & CR0_PAGING)


def symbol_value(name):
    """A global variable's value."""
    return gdb.lookup_global_symbol(name).value()


def quietly(command):
    """A GDB command, without GDB's lines about where the machine stopped. (GDB 12 prints them.)"""
    try:
        gdb.execute("set suppress-cli-notifications on")
    except gdb.error:
        gdb.execute(command, to_string=True)
        return
    try:
        gdb.execute(command, to_string=True)
    finally:
        gdb.execute("set suppress-cli-notifications off")


# --- the processor ------------------------------------------------------------------------------

def control_region():
    """This processor's KIPCR, found as the processor finds it; None before there is one.

    It is where the kernel's FS is based. In user mode, and in a trap's first instructions, FS is
    still the user's: then the base is read from the descriptor table. At first that table is the
    loader's, and its descriptor may say anything; hence the look at SelfPcr.
    """
    if not is_running():
        return None
    try:
        in_kernel = register("fs") == PCR_SELECTOR
        base = register("fs_base") if in_kernel else descriptor_base(PCR_SELECTOR)
        region = pointer("KIPCR", base).dereference()
        return region if int(region["Pcr"]["SelfPcr"]) == base else None
    except gdb.MemoryError:
        return None


def descriptor_base(selector):
    """The base address in a descriptor of the GDT (Intel SDM vol. 3, figure 3-8)."""
    number = gdb.selected_thread().num - 1
    text = gdb.execute("monitor info registers -a", to_string=True)
    processors = text.split("CPU#")[1:]
    table = int(re.search(r"GDT=\s+([0-9a-f]+)", processors[number]).group(1), 16)
    low, high = struct.unpack("<II", read_memory(table + selector, 8))
    return (low >> 16) | (high & 0xFF) << 16 | (high & 0xFF000000)


def read_memory(address, size):
    """Bytes at a virtual address, through the directory in CR3."""
    return gdb.selected_inferior().read_memory(address, size).tobytes()


def read_physical(address, size):
    """Bytes of physical memory, whatever CR3 holds: QEMU's stub has a mode for that."""
    connection = gdb.selected_inferior().connection
    connection.send_packet("Qqemu.PhyMemMode:1")
    try:
        return read_memory(address, size)
    finally:
        connection.send_packet("Qqemu.PhyMemMode:0")


# --- threads and processes ----------------------------------------------------------------------

class Thread:
    """A thread: `value` is its ETHREAD."""

    def __init__(self, tcb_pointer):
        self.value = tcb_pointer.cast(gdb.lookup_type("ETHREAD").pointer()).dereference()
        self.tcb = self.value["Tcb"]
        self.address = int(tcb_pointer)
        self.tid = int(self.value["Cid"]["UniqueThread"])

    @property
    def owner(self):
        """The process that the thread belongs to."""
        return Process(self.tcb["Process"])

    @property
    def space(self):
        """The process whose address space it runs in: another one while it is attached."""
        return Process(self.tcb["ApcState"]["Process"])

    @property
    def state(self):
        """Its KTHREAD_STATE, by name."""
        return str(self.tcb["State"].cast(gdb.lookup_type("enum _KTHREAD_STATE")))

    @property
    def name(self):
        """How a person would call it: PID.TID PROGRAM."""
        owner = self.owner
        return f"{owner.pid}.{self.tid} {owner.name}"


class Process:
    """A process: `value` is its EPROCESS."""

    def __init__(self, pcb_pointer):
        self.value = pcb_pointer.cast(gdb.lookup_type("EPROCESS").pointer()).dereference()
        self.pcb = self.value["Pcb"]
        self.address = int(pcb_pointer)
        self.pid = int(self.value["UniqueProcessId"])
        self.name = self.value["ImageFileName"].string(errors="replace")
        self.cr3 = int(self.pcb["DirectoryTableBase"][0])

    def threads(self):
        """Its started threads."""
        for tcb in walk(self.pcb["ThreadListHead"], "KTHREAD", "ThreadListEntry"):
            yield Thread(tcb.address)


def current_thread():
    """The thread that the processor says it runs; None before there is one, with a process."""
    return processor_thread("CurrentThread")


def processor_thread(member):
    """A thread that the processor's control block names; None before it has a process."""
    region = control_region()
    thread = region["PrcbData"][member] if region else None
    return Thread(thread) if thread and thread["Process"] else None


def all_threads():
    """Every thread, the idle thread among them, which is in no list."""
    for process in processes():
        yield from process.threads()
    idle = processor_thread("IdleThread")
    if idle:
        yield idle


def thread_on_stack(esp):
    """The thread whose kernel stack holds that address, or None."""
    for thread in all_threads():
        if int(thread.tcb["StackLimit"]) < esp <= int(thread.tcb["StackBase"]):
            return thread
    return None


def processes():
    """All processes, in the order of their making."""
    if not is_running():
        return
    for process in walk(symbol_value("PsActiveProcessHead"), "EPROCESS", "ActiveProcessLinks"):
        yield Process(process.address)


def find_process(pid):
    """The process of that number; a GDB error if there is none."""
    found = {process.pid: process for process in processes()}
    if not found:
        raise gdb.GdbError("The kernel has no processes yet.")
    if pid not in found:
        raise gdb.GdbError(f"There is no process {pid}; `uh process all` lists them.")
    return found[pid]


def process_in_cr3():
    """The process whose directory is in CR3; None: a directory that is no process's (yet)."""
    cr3 = register("cr3")
    for process in processes():
        if process.cr3 == cr3:
            return process
    return None


# --- images -------------------------------------------------------------------------------------

def unicode_string(value):
    """A UNICODE_STRING's text."""
    length = int(value["Length"])
    return read_memory(int(value["Buffer"]), length).decode("utf-16-le") if length else ""


def loaded_modules():
    """Name and base address of each kernel image."""
    if not is_running():
        return
    for module in walk(symbol_value("PsLoadedModuleList"), "LDR_MODULE", "InLoadOrderLinks"):
        yield unicode_string(module["BaseDllName"]), int(module["DllBase"])
