"""What the processor would find: page directories, page tables and the kernel's lists, read from
guest physical memory without asking the kernel.

    kernel = Kernel()
    with Machine(gdb=True) as machine:
        first, second = take_snapshots(machine, 64, [Line("demo.sys is loaded"),
                                                     Place("KiSwapContextCr3", 100)])
    for process in first.processes:
        assert first.directory(process)[512:] == first.template[512:]

A moment is a place in the kernel or a line of its log, where GDB stops the machine before the next
instruction. So it is always the same one, however busy the host is, and it is known which locks are
held: none that guards what the tests compare. A snapshot is all of physical memory at that moment;
it stays when the machine has gone.

Nothing is known here of the kernel's structures but names: offsets and addresses come from the
kernel's debugging information, the map of the address space from mm/layout.h.
"""

import functools
import json
import mmap
import os
import re
import struct
import subprocess
from collections import namedtuple

from gdb import run_gdb
from machine import KERNEL, ROOT

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
ENTRIES = 1024
FIRST_SYSTEM_PDE = 512

# Intel SDM vol. 3, 4.3, table 4-6.
VALID, WRITE, USER = 0x001, 0x002, 0x004
NOT_CACHED, ACCESSED, GLOBAL = 0x010, 0x020, 0x100

SECTION_WRITE = 0x80000000      # "PE Format", section flags: IMAGE_SCN_MEM_WRITE


def frame_of(entry):
    """The page frame number in a page directory's or table's entry."""
    return entry >> PAGE_SHIFT


def read_layout():
    """The constants of mm/layout.h that are plain numbers."""
    with open(os.path.join(ROOT, "mm", "layout.h"), encoding="utf-8") as header:
        found = re.findall(r"^#define (\w+)\s+(0x[0-9A-Fa-f]+|\d+)\b", header.read(), re.MULTILINE)
    return {name: int(value, 0) for name, value in found}


class Kernel:
    """Addresses, offsets and sizes, as the debugging information has them."""

    # Structure: the members of which the offset is needed.
    MEMBERS = {
        "_EPROCESS": ["ActiveProcessLinks", "UniqueProcessId", "ImageFileName",
                      "Vm.DirectoryTableBase", "Vm.PrivatePages", "Vm.PageTables",
                      "Pcb.DirectoryTableBase", "Pcb.ThreadListHead"],
        "_KTHREAD": ["ThreadListEntry", "StackLimit"],
        "_KIPCR": ["PrcbData.IdleThread"],
        "_MMPFN": ["Flink", "Blink", "PteAddress", "ReferenceCount", "PageLocation", "Usage"],
        "_LDR_MODULE": ["InLoadOrderLinks", "DllBase"],
    }
    SYMBOLS = ["MmDirectoryTemplate", "PsActiveProcessHead", "PsLoadedModuleList",
               "MmPfnDatabase", "MmHighestPhysicalPage", "MmNumberOfPhysicalPages",
               "MmAvailablePages", "MiListHeads", "MiStateCount", "MiUsageCount",
               "MmTotalCommittedPages", "KernelImageStart", "KernelTextStart", "KernelRodataEnd"]
    NUMBERS = ["sizeof(struct _MMPFN)", "ZeroedPageList", "FreePageList", "BadPageList",
               "ActiveAndValid", "TransitionPage", "UsageDirectory", "UsageTable", "UsageProcess",
               "MI_USAGES", "MI_ZONES", "ZoneWindow", "ZoneAny"]

    def __init__(self, path=KERNEL):
        queries = {name: f"&{name}" for name in self.SYMBOLS}
        queries.update({name: name for name in self.NUMBERS})
        for structure, members in self.MEMBERS.items():
            for member in members:
                queries[f"{structure}.{member}"] = f"&((struct {structure} *)0)->{member}"
        self.values = self._ask(path, queries)
        self.layout = read_layout()

    @staticmethod
    def _ask(path, queries):
        """The value of each expression. One that GDB does not know fails the test, by name."""
        command = ["gdb", "-nx", "-batch"]
        for query in queries.values():
            command += ["-ex", f"output/u (unsigned)({query})", "-ex", "echo \\n"]
        result = subprocess.run(command + [path], stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, check=False)
        lines = [line for line in result.stdout.splitlines() if line]
        assert not result.stderr and len(lines) == len(queries), result.stderr
        return dict(zip(queries, map(int, lines)))

    def __getitem__(self, name):
        return self.values[name]

    def inside(self, address, first, last):
        """Whether an address lies from one constant of mm/layout.h up to before another."""
        return self.layout[first] <= address < self.layout[last]


# The kernel's debugging information is read once, by the first who asks.
the_kernel = functools.lru_cache(maxsize=None)(Kernel)

Process = namedtuple("Process", "address pid name directory tables private_pages threads")
Thread = namedtuple("Thread", "address stack_limit")
Module = namedtuple("Module", "base sections")
Section = namedtuple("Section", "name start end flags")
Frame = namedtuple("Frame", "flink blink references location usage pte")


class Snapshot:
    """Physical memory and the first processor's registers at one moment."""

    def __init__(self, path, registers):
        self.kernel = the_kernel()
        self.registers = registers
        with open(path, "rb") as memory:
            self.memory = mmap.mmap(memory.fileno(), 0, access=mmap.ACCESS_READ)
        os.unlink(path)         # the mapping holds what is in it

    # Memory.

    def physical(self, address, size):
        """Bytes of physical memory."""
        assert address + size <= len(self.memory), f"{address:#x} is beyond physical memory"
        return self.memory[address:address + size]

    def table(self, frame):
        """The 1024 entries of a page directory or page table."""
        return struct.unpack(f"<{ENTRIES}I", self.physical(frame << PAGE_SHIFT, PAGE_SIZE))

    def pte(self, address, directory=None):
        """The entry that maps an address; 0 if there is no page table. No directory: template."""
        pde = (directory or self.template)[address >> 22]
        if not pde & VALID:
            return 0
        place = (frame_of(pde) << PAGE_SHIFT) + (address >> PAGE_SHIFT) % ENTRIES * 4
        return struct.unpack("<I", self.physical(place, 4))[0]

    def read(self, address, size):
        """Bytes at a virtual address of the upper half."""
        data = b""
        while size:
            pte = self.pte(address)
            assert pte & VALID, f"{address:08x} is not mapped"
            part = min(size, PAGE_SIZE - address % PAGE_SIZE)
            data += self.physical((frame_of(pte) << PAGE_SHIFT) + address % PAGE_SIZE, part)
            address += part
            size -= part
        return data

    def ulongs(self, address, count):
        """32-bit numbers at a virtual address of the upper half."""
        return struct.unpack(f"<{count}I", self.read(address, 4 * count))

    def ulong(self, address):
        """The one there."""
        return self.ulongs(address, 1)[0]

    def symbol(self, name):
        """The value of one of the kernel's 32-bit variables."""
        return self.ulong(self.kernel[name])

    def counters(self, name, count):
        """The values of one of the kernel's arrays of 32-bit numbers."""
        return list(self.ulongs(self.kernel[name], count))

    # Page tables.

    @functools.cached_property
    def template(self):
        """MmDirectoryTemplate. The kernel's image is at a known place in physical memory."""
        place = self.kernel["MmDirectoryTemplate"] - self.kernel.layout["MI_WINDOW_BASE"]
        return self.table(place >> PAGE_SHIFT)

    @functools.cached_property
    def upper(self):
        """Every valid page of the upper half: (address, PTE)."""
        pages = []
        for index in range(FIRST_SYSTEM_PDE, ENTRIES):
            pages += self.valid_pages(self.template, index)
        return pages

    def valid_pages(self, directory, index):
        """The valid pages behind one entry of a directory: (address, PTE)."""
        entry = directory[index]
        if not entry & VALID:
            return []
        return [(index << 22 | number << PAGE_SHIFT, pte)
                for number, pte in enumerate(self.table(frame_of(entry))) if pte & VALID]

    def directory(self, process):
        """The 1024 entries of a process's page directory."""
        return self.table(process.directory >> PAGE_SHIFT)

    def lower(self, process):
        """Every valid page of a process's own half: (address, PTE)."""
        directory = self.directory(process)
        pages = []
        for index in range(FIRST_SYSTEM_PDE):
            pages += self.valid_pages(directory, index)
        return pages

    # The kernel's lists.

    def walk(self, head, link):
        """The structures in a LIST_ENTRY list, both of whose directions must agree."""
        found = []
        previous, entry = head, self.ulong(head)
        while entry != head:
            following, back = self.ulongs(entry, 2)
            assert back == previous, f"the list at {head:08x} is broken at {entry:08x}"
            found.append(entry - link)
            previous, entry = entry, following
        return found

    def member(self, address, name):
        """A 32-bit member, by structure and name."""
        return self.ulong(address + self.kernel[name])

    @functools.cached_property
    def processes(self):
        """All processes of PsActiveProcessHead, the System process first."""
        link = self.kernel["_EPROCESS.ActiveProcessLinks"]
        return [self._process(address)
                for address in self.walk(self.kernel["PsActiveProcessHead"], link)]

    def _process(self, address):
        name = self.read(address + self.kernel["_EPROCESS.ImageFileName"], 16)
        directory = self.member(address, "_EPROCESS.Vm.DirectoryTableBase")
        assert directory == self.member(address, "_EPROCESS.Pcb.DirectoryTableBase")
        threads = self.walk(address + self.kernel["_EPROCESS.Pcb.ThreadListHead"],
                            self.kernel["_KTHREAD.ThreadListEntry"])
        return Process(address, self.member(address, "_EPROCESS.UniqueProcessId"),
                       name.split(b"\0")[0].decode(), directory,
                       self.member(address, "_EPROCESS.Vm.PageTables"),
                       self.member(address, "_EPROCESS.Vm.PrivatePages"),
                       [self._thread(thread) for thread in threads])

    def _thread(self, address):
        return Thread(address, self.member(address, "_KTHREAD.StackLimit"))

    @property
    def threads(self):
        """The threads of all processes, and the idle thread, which is on no process's list."""
        pcr = self.kernel.layout["MI_PCR_ADDRESS"]
        idle = self._thread(self.member(pcr, "_KIPCR.PrcbData.IdleThread"))
        return list({idle, *(thread for process in self.processes for thread in process.threads)})

    @functools.cached_property
    def drivers(self):
        """The images of PsLoadedModuleList but for the first, which is the kernel itself."""
        link = self.kernel["_LDR_MODULE.InLoadOrderLinks"]
        modules = self.walk(self.kernel["PsLoadedModuleList"], link)
        bases = [self.member(module, "_LDR_MODULE.DllBase") for module in modules]
        assert bases[0] == self.kernel["KernelImageStart"]
        return [Module(base, self._sections(base)) for base in bases[1:]]

    def _sections(self, base):
        """The section table of a PE image in memory ("PE Format", Section Table)."""
        headers = base + self.ulong(base + 0x3C)
        assert self.read(headers, 4) == b"PE\0\0"
        count, = struct.unpack("<H", self.read(headers + 6, 2))
        optional, = struct.unpack("<H", self.read(headers + 20, 2))
        sections = []
        for number in range(count):
            entry = self.read(headers + 24 + optional + 40 * number, 40)
            name, size, start, raw = struct.unpack_from("<8sIII", entry)
            flags, = struct.unpack_from("<I", entry, 36)
            start += base
            sections.append(Section(name.rstrip(b"\0").decode(), start, start + (size or raw),
                                    flags))
        return sections

    @functools.cached_property
    def frames(self):
        """The PFN database: a Frame for each page frame."""
        size = self.kernel["sizeof(struct _MMPFN)"]
        count = self.symbol("MmHighestPhysicalPage") + 1
        data = self.read(self.symbol("MmPfnDatabase"), size * count)
        formats = dict(Flink="I", Blink="I", ReferenceCount="H", PageLocation="B", Usage="B",
                       PteAddress="I")
        columns = []
        for member, code in formats.items():
            offset = self.kernel["_MMPFN." + member]
            pad = size - offset - struct.calcsize(code)
            columns.append([value for value, in
                            struct.iter_unpack(f"<{offset}x{code}{pad}x", data)])
        return list(map(Frame, *columns))

    @property
    def usage(self):
        """What is in use: frames by state and by use, and pages promised."""
        return {"states": self.counters("MiStateCount", self.kernel["TransitionPage"] + 1),
                "usages": self.counters("MiUsageCount", self.kernel["MI_USAGES"]),
                "committed": self.symbol("MmTotalCommittedPages")}


def Place(function, skip=0):      # pylint: disable=invalid-name
    """A moment: control reaches a function or label (a GDB expression) after `skip` other times."""
    return ["place", function, skip]


def Line(text):                   # pylint: disable=invalid-name
    """A moment: the kernel is about to print what begins with `text` on its log."""
    return ["line", text, 0]


# What GDB does. Each moment waits for its own breakpoint, in the order in which they are listed.
STOPPER = r'''
import gdb
import json
import re

class Place(gdb.Breakpoint):
    def __init__(self, place, skip):
        super().__init__(place)
        self.left = skip
        self.reached = False

    def stop(self):
        self.left -= 1
        self.reached = self.left < 0
        return self.reached

class Line(gdb.Breakpoint):
    def __init__(self, text, _skip):
        super().__init__("KdPutString")
        self.text = text.encode()
        self.reached = False

    def stop(self):
        start = int(gdb.parse_and_eval("(unsigned)Text"))
        memory = gdb.selected_inferior().read_memory(start, len(self.text))
        self.reached = memory.tobytes() == self.text
        return self.reached

for (kind, where, skip), path in ORDERS:
    moment = {"place": Place, "line": Line}[kind](where, skip)
    gdb.execute("continue")
    assert moment.reached, "the machine never came to " + where
    moment.delete()
    gdb.execute(f'monitor pmemsave 0 {SIZE} "{path}"')
    registers = gdb.execute("monitor info registers", to_string=True)
    found = re.findall(r"\b(CR[0-4])=([0-9a-f]+)", registers)
    with open(path + ".registers", "w") as text:
        json.dump({name: int(value, 16) for name, value in found}, text)
print("all moments came")
'''


def take_snapshots(machine, megabytes, moments):
    """Runs a waiting Machine through moments of its life; returns a Snapshot for each."""
    paths = [os.path.join(machine.scratch, f"memory{number}") for number in range(len(moments))]
    orders = list(zip(moments, paths))
    script = f"ORDERS, SIZE = {orders!r}, {megabytes << 20}\n{STOPPER}"
    output = run_gdb(machine, script, python=True)
    assert "\nall moments came\n" in output, output
    snapshots = []
    for path in paths:
        with open(path + ".registers", encoding="ascii") as text:
            snapshots.append(Snapshot(path, json.load(text)))
    return snapshots
