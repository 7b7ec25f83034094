"""The symbols of drivers and programs, moved to wherever their images are at the time.

The kernel tells debuggers of every image: KdNotifyImage for drivers, KdNotifyUserImage for programs
and ntdll.dll. Breakpoints of ours lie there, and never stop: they move the file's symbols. So a
breakpoint can be set in a driver or program before it is loaded; it moves along.

A file whose image is nowhere is parked in PARKING, addresses that the kernel never maps, so its
functions and types can be looked at from the start. All programs lie at the same address, each in
its own process; the symbols there are those of the process whose directory is in CR3 when the
machine stops. A program of another process is parked if it is in the way.

`_places` says where the symbols of each known file are; it is changed by _move alone.
"""

import os
import re
import struct

import gdb

import kernel

PARKING = 0xA0000000            # mm/layout.h: reserved, not mapped
PARKING_BYTES = 0x01000000      # for each file

_places = {}                    # file -> address of its image
_programs = {}                  # process id -> {file: address}, as the kernel has told us


class File:
    """A .sys, .exe or .dll of the boot set. Two names for one file are not expected."""

    def __init__(self, path, number):
        self.path = path
        self.name = os.path.basename(path).lower()
        self.is_driver = self.name.endswith(".sys")
        self.parking = PARKING + number * PARKING_BYTES
        self.preferred, self.size = read_header(path)


def read_header(path):
    """ImageBase and SizeOfImage from a PE file's optional header (PE format, 32 bits)."""
    with open(path, "rb") as image:
        start = image.read(1024)
    optional = struct.unpack_from("<I", start, 0x3C)[0] + 24
    return struct.unpack_from("<I", start, optional + 28)[0], \
        struct.unpack_from("<I", start, optional + 56)[0]


def start(paths):
    """Makes the files known, parked, and watches the kernel load and unload them."""
    images = [path for path in paths if path.lower().endswith((".sys", ".exe", ".dll"))]
    for number, path in enumerate(images):
        file = File(path, number)
        _move(file, file.parking)
    DriverHook("KdNotifyImage")
    ProgramHook("KdNotifyUserImage")
    gdb.events.stop.connect(lambda event: synchronise())
    gdb.events.breakpoint_created.connect(hint_at_decorated_name)
    synchronise()


def hint_at_decorated_name(breakpoint):
    """Called for each new breakpoint: says what a function is called that was not found.

    The compiler has a routine that is not static and NTAPI (stdcall) under its linker's name, with
    the number of its arguments' bytes.
    """
    name = breakpoint.location
    if not breakpoint.pending or not re.fullmatch(r"\w+", name or ""):
        return
    found = gdb.execute(f"info functions -q -n ^{name}@", to_string=True)
    for decorated in sorted(set(re.findall(rf"\b{name}@\d+", found))):
        print(f"There is a function {decorated}.")


def _find(name):
    """The known file of an image's name; the kernel keeps only 15 characters of a program's."""
    for file in _places:
        if name and (file.name == name.lower() or len(name) == 15 and
                     file.name.startswith(name.lower())):
            return file
    return None


def _move(file, base):
    """Has the file's symbols at `base`. GDB sets breakpoints in it again by itself."""
    old = _places.get(file)
    if old == base:
        return
    if old is not None:
        _places[file] = None    # whatever stops us half way, Ctrl-C for one
        gdb.execute(f"remove-symbol-file -a {_symbol_address(file, old):#x}", to_string=True)
    offset = base - file.preferred & 0xFFFFFFFF
    gdb.execute(f'add-symbol-file "{file.path}" -o {offset:#x}', to_string=True)
    _places[file] = base


def _symbol_address(file, base):
    """An address in the file's code, by which GDB knows it: its first section begins a page up."""
    return base + kernel.PAGE_BYTES


def _move_program(file, base):
    """The same for a program or DLL; another file that is in the way is parked."""
    for other in [other for other in _places if other is not file]:
        place = _places[other]
        if place is not None and place < base + file.size and base < place + other.size:
            _move(other, other.parking)
    _move(file, base)


def _synchronise_drivers():
    """Every loaded driver where it is, the others parked."""
    loaded = {_find(name): base for name, base in kernel.loaded_modules()}
    for file in [file for file in _places if file.is_driver]:
        _move(file, loaded.get(file, file.parking))


def _synchronise_programs():
    """The images of the process in CR3; they are at their preferred base unless we know better."""
    process = kernel.process_in_cr3()
    if process is None or not process.value["Peb"]:
        return
    told = _programs.get(process.pid)
    if told is None:
        found = filter(None, (_find("ntdll.dll"), _find(process.name)))
        told = {file: file.preferred for file in found}
    for file, base in told.items():
        _move_program(file, base)


def synchronise():
    """Called whenever the machine stops."""
    try:
        if kernel.is_running():
            _synchronise_drivers()
            _synchronise_programs()
    except gdb.error:
        pass        # in the middle of start-up: nothing is loaded yet


class Hook(gdb.Breakpoint):
    """A breakpoint of ours, where the machine goes on, unless Ctrl-C is pressed at that moment."""

    def __init__(self, function):
        super().__init__(f"*{function}", internal=True)

    def stop(self):
        """Called by GDB, which would let the machine go on after a KeyboardInterrupt."""
        try:
            self.follow()
        except KeyboardInterrupt:
            return True
        return False

    def follow(self):
        """Moves the symbols."""
        raise NotImplementedError


class DriverHook(Hook):
    """A driver has been loaded, or is about to go."""

    def follow(self):
        module = gdb.newest_frame().read_var("Module")
        file = _find(kernel.unicode_string(module["BaseDllName"]))
        if file:
            loaded = gdb.newest_frame().read_var("Loaded")
            _move(file, int(module["DllBase"]) if loaded else file.parking)


class ProgramHook(Hook):
    """A program or ntdll.dll has been mapped into the process that the thread is attached to.

    Where it is in this process is remembered.
    """

    def follow(self):
        path = kernel.unicode_string(gdb.newest_frame().read_var("Path").dereference())
        base = int(gdb.newest_frame().read_var("Base"))
        file = _find(path.rsplit("\\", 1)[-1])
        if file is None:
            return
        images = _programs.setdefault(kernel.current_thread().space.pid, {})
        for other in [other for other, place in images.items() if place == base]:
            del images[other]       # an earlier process had this number
        images[file] = base
        _move_program(file, base)
