"""Address translation as the processor does it (Intel SDM vol. 3, 4.3), by reading the tables.

The names of the bits come from the union MMPTE in mm/pte.h.
"""

import struct

import gdb

import kernel

LARGE_PAGE_BYTES = 4 << 20

# What the kernel writes into an entry that is not valid: bits 5-9 are the protection to come.
# The numbers are Windows' (mm/pte.h).
PROTECTIONS = {1: "read-only", 2: "execute", 3: "execute, read", 4: "read, write",
               6: "execute, read, write", 0x10: "decommitted", 0x18: "no access"}
GUARD_PAGE = 0x10
NO_CACHE = 0x08


class Entry:
    """One entry of a page directory or page table: its number, place and contents."""

    def __init__(self, table, index):
        self.index = index
        self.place = table + 4 * index
        self.contents = struct.unpack("<I", kernel.read_physical(self.place, 4))[0]

    def field(self, view, name):
        """A bit field of one of MMPTE's views, Hard or Soft."""
        return bits(self.contents, members(view)[name])

    @property
    def valid(self):
        """Does the processor use it?"""
        return bool(self.field("Hard", "Valid"))

    @property
    def large(self):
        """In a directory: does it map 4 MB by itself?"""
        return self.valid and bool(self.field("Hard", "LargePage"))

    @property
    def frame(self):
        """The number of the page frame that it points at."""
        return self.field("Hard", "PageFrameNumber")

    def describe(self):
        """What it says, in words."""
        if self.valid:
            set_bits = [name for name, field in members("Hard").items()
                        if field.bitsize == 1 and bits(self.contents, field)]
            return f"frame {self.frame:05x}  {' '.join(set_bits)}"
        return describe_software_entry(self)


def members(view):
    """The bit fields of MMPTE.Hard or MMPTE.Soft."""
    view_type = gdb.lookup_type("MMPTE").strip_typedefs()[view].type
    return {field.name: field for field in view_type.fields()}


def bits(contents, field):
    """The value of one bit field."""
    return contents >> field.bitpos & ((1 << field.bitsize) - 1)


def describe_software_entry(entry):
    """An entry with bit 0 clear is the kernel's own note; the processor ignores it."""
    if not entry.contents:
        return "not valid: zero"
    protection = entry.field("Soft", "Protection")
    words = PROTECTIONS.get(protection)
    if words is None:
        words = PROTECTIONS.get(protection & ~(GUARD_PAGE | NO_CACHE), f"protection {protection}")
        words += ", guard page" if protection & GUARD_PAGE else ", not cached"
    if entry.field("Soft", "Transition"):
        return f"not valid: in transition, frame {entry.frame:05x}, {words}"
    return f"not valid: {words}" if protection == GUARD_PAGE else f"not valid: demand-zero, {words}"


class Translation:
    """An address through one page directory. `physical` is None if it is not mapped."""

    def __init__(self, directory, address):
        self.address = address
        self.pde = Entry(directory, address >> 22)
        self.pte = None
        self.physical = None
        if self.pde.large:
            base = self.pde.contents & -LARGE_PAGE_BYTES
            self.physical = base | address & (LARGE_PAGE_BYTES - 1)
        elif self.pde.valid:
            self.pte = Entry(self.pde.frame * kernel.PAGE_BYTES, address >> 12 & 1023)
            if self.pte.valid:
                base = self.pte.frame * kernel.PAGE_BYTES
                self.physical = base | address & (kernel.PAGE_BYTES - 1)

    @property
    def frame(self):
        """The page frame behind the address, or None."""
        return None if self.physical is None else self.physical // kernel.PAGE_BYTES


def translate(address, directory=None):
    """Translates through `directory`, the physical address of one, or through the one in CR3.

    With paging off, an address is its own physical address, so there is nothing to translate.
    """
    if directory is None:
        if not kernel.is_running():
            raise gdb.GdbError("Paging is not on yet: every address is a physical one.")
        directory = kernel.register("cr3")
    return Translation(directory & -kernel.PAGE_BYTES, address)
