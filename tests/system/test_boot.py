"""Starting up: on machines of all sizes, through both loaders, and with everything that a loader or
a boot set may have wrong. What is wrong is said in one line, and start-up goes on if it can.

What the loader hands over is damaged by GDB at the kernel's first instruction, when paging is off
and EBX holds the multiboot information's physical address (Multiboot Specification 0.6.96, 3.3).
"""

import os
import re
import struct

import pytest

from gdb import run_gdb
from machine import Machine, ROOT, run
from pagetables import Place, take_snapshots

DRIVERS = os.path.join(ROOT, "build", "drivers")
STATUS_REFUSED = 97     # of tools/run: a bug check, or the kernel refused to start

FIRST_LINE = "Upperhalf: a teaching kernel with Windows' split address space"
LAST_LINE = r"One frame behind pool address \w+ .*: the upper half is shared\."
MEMORY_LINE = re.compile(r"^Memory: (\d+) KB, (\d+) KB free; (\d+) modules$", re.MULTILINE)

HELLO = ["--init", "hello.exe 42"]
HELLO_STATUS = 42


def memory_of(output):
    """The kilobytes that the kernel found, and those that are free."""
    return tuple(int(number) for number in MEMORY_LINE.search(output).groups()[:2])


def check_refused(status, output, reason):
    """The kernel has said in one line why it does not start, and nothing after it."""
    assert status == STATUS_REFUSED, output
    assert output.splitlines()[-1] == f"Upperhalf cannot start: {reason}"


# Machines.

@pytest.mark.parametrize("megabytes", [16, 64, 512, 1024, 4096])
def test_the_demonstration_runs_whatever_the_memory(megabytes):
    status, output = run(["--memory", str(megabytes)])
    assert status == 0 and re.fullmatch(LAST_LINE, output.splitlines()[-1]), output
    # Some of the 4 GB are where the PCI devices are. The first megabyte has holes, too.
    expected = min(megabytes, 3072) << 10
    assert expected - 1024 < memory_of(output)[0] <= expected


def before_the_demonstration(output):
    """The log's lines up to the driver's first, with the sizes of memory left out."""
    lines = output.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("demo: "))
    return [MEMORY_LINE.sub(r"Memory: \3 modules", line) for line in lines[:first + 1]]


def test_grub_and_qemus_own_loader_start_the_same_system():
    direct_status, direct = run([])
    grub_status, grub = run(["--iso"])
    assert (direct_status, grub_status) == (0, 0)
    assert re.fullmatch(LAST_LINE, grub.splitlines()[-1]), grub
    assert before_the_demonstration(direct) == before_the_demonstration(grub)
    # The two differ only in what they call memory around the BIOS's data.
    assert abs(memory_of(direct)[0] - memory_of(grub)[0]) < 1024


@pytest.mark.parametrize("megabytes", [4, 6])
def test_a_machine_with_too_little_memory_is_told_so(megabytes):
    status, output = run(["--memory", str(megabytes)])
    check_refused(status, output, "too little memory: the kernel needs 8 MB")


def test_8_mb_are_enough():
    status, output = run(["--memory", "8"] + HELLO)
    assert status == HELLO_STATUS, output


def test_the_reason_not_to_start_is_on_the_screen():
    # Without the debug-exit port the machine stands still.
    with Machine(["--memory", "4", "--append", "debugexit=0"]) as machine:
        machine.wait_for(r"^Upperhalf cannot start: .*$")
        machine.wait_for(r"\n")
        screen = [line.rstrip() for line in machine.screen_text()]
    assert screen[:2] == [FIRST_LINE,
                          "Upperhalf cannot start: too little memory: the kernel needs 8 MB"]


# Options.

@pytest.mark.parametrize("option", ["nonsense", "nonsense=1", "maxmem=", "maxmem=12x",
                                    "maxmem=4294967296", "numproc=0", "debugexit=65536", "Init=x"])
def test_an_unknown_option_is_named_and_ignored(option):
    status, output = run(HELLO + ["--append", option])
    assert status == HELLO_STATUS
    assert f"Boot: unknown kernel option '{option}' is ignored" in output.splitlines()


@pytest.mark.parametrize("options", [["x" * 3000], ["y" * 60] * 50])
def test_a_command_line_that_is_too_long_is_cut(options):
    arguments = [word for option in options for word in ("--append", option)]
    status, output = run(HELLO + arguments)
    assert status == HELLO_STATUS
    lines = output.splitlines()
    assert lines.count("Boot: the command line is too long; the rest is ignored") == 1


def test_maxmem_leaves_the_rest_alone():
    status, output = run(["--append", "maxmem=32"])
    assert status == 0 and re.fullmatch(LAST_LINE, output.splitlines()[-1])
    assert 31 << 10 < memory_of(output)[0] <= 32 << 10


def test_maxmem_beyond_what_there_is_changes_nothing():
    (status, limited), (_, free) = run(HELLO + ["--append", "maxmem=4095"]), run(HELLO)
    assert status == HELLO_STATUS and limited == free


# What the loader hands over.

def first_module():
    """The name of the first file of the boot set."""
    with open(os.path.join(ROOT, "build", "bootset"), encoding="utf-8") as file:
        return os.path.basename(file.readline().strip())


def boot_damaged(commands, arguments=()):
    """Boots with GDB commands carried out at BootEntry: (status, output)."""
    with Machine(HELLO + list(arguments), gdb=True) as machine:
        damage(machine, commands)
        return machine.wait_exit(), machine.log


def damage(machine, commands):
    """Carries out GDB commands at the kernel's first instruction, and lets the machine go on."""
    definitions = ("set $info = (unsigned *)$ebx\n"
                   "set $map = (unsigned *)$info[12]\n"
                   "set $modules = (unsigned *)$info[6]\n")
    output = run_gdb(machine, "break *BootEntry\ncontinue\n" + definitions +
                     "\n".join(commands) + "\necho all done\\n")
    assert "\nall done\n" in output, output


@pytest.mark.parametrize("commands, reason", [
    (["set $info[0] &= ~0x41"], "the boot loader gave no memory map"),
    (["set $map[0] = 0"], "the boot loader's memory map is damaged"),
    (["set $map[0] = 19"], "the boot loader's memory map is damaged"),
    (["set $map[0] = 0xffffffff"], "the boot loader's memory map is damaged"),
    (["set $info[12] = 0xfffffff0"], "the boot loader's memory map is damaged"),
    (["set $info[11] = 0xffffffff"], "the boot loader's memory map is damaged"),
    (["set $info[11] = 0xffffffff", "set $map[0] = 0xfffffffc"],
     "the boot loader's memory map is damaged"),
    (["set $info[11] = 0"], "the boot loader gave no memory map"),
    (["set $info[0] &= ~8"], "there are no boot modules, so there is no program to run"),
    (["set $info[5] = 0"], "there are no boot modules, so there is no program to run"),
])
def test_what_the_kernel_cannot_do_without_is_named(commands, reason):
    check_refused(*boot_damaged(commands), reason)


@pytest.mark.parametrize("commands, line", [
    (["set $info[0] &= ~0x40"], "Boot: no memory map; going by the size alone"),
    (["set $modules[0] = 0xfffff000"],
     "Boot: module {first} is not in reach of the kernel; ignored"),
    (["set $modules[0] += 1"], "Boot: module {first} is not in reach of the kernel; ignored"),
    (["set $modules[1] = $modules[0] - 1"],
     "Boot: module {first} is not in reach of the kernel; ignored"),
    (["set $modules[2] = 0xffffffff"], "Boot: a module without a usable name is ignored"),
    (["set *(char *)$modules[2] = 0"], "Boot: a module without a usable name is ignored"),
])
def test_what_the_kernel_can_do_without_is_named(commands, line):
    status, output = boot_damaged(commands)
    expected = line.format(first=first_module())
    assert status == HELLO_STATUS and output.splitlines()[1] == expected, output


def place_range(base, length):
    """GDB commands that make the memory map's first range another one."""
    halves = base & 0xFFFFFFFF, base >> 32, length & 0xFFFFFFFF, length >> 32
    return [f"set $map[{number}] = {half}" for number, half in enumerate(halves, 1)]


@pytest.mark.parametrize("base, length", [
    (0x100000, 0x1000000),              # part of the range after it
    (0x100000, 0),
    (0x100FFF, 0x1000),                 # no whole page
    (0x100000000, 0x40000000),          # beyond 4 GB
    (0xFFFFFFFFFFFFFFFF, 0),            # rounded up, it begins at 0
    (0xFFFFFFFFFFFFF800, 0x400),
    (0xFFFFFFFFFFFF0000, 0x20000),      # it ends at 10000h
])
def test_only_what_is_memory_is_taken_for_memory(base, length):
    status, output = boot_damaged(place_range(base, length))
    assert status == HELLO_STATUS
    assert 62 << 10 < memory_of(output)[0] <= 63 << 10


# At 48 MB: memory that maxmem forbids. At 80 MB: no memory at all.
@pytest.mark.parametrize("address", [0x3000000, 0x5000000])
def test_a_module_outside_of_memory_is_named_and_ignored(address):
    commands = [f"set $modules[0] = {address}", f"set $modules[1] = {address + 0x1000}"]
    first = first_module()
    status, output = boot_damaged(commands, ["--append", "maxmem=32", "--start", first])
    assert status == HELLO_STATUS, output
    assert re.search(rf"^Boot: module {re.escape(first)} .*; ignored$", output, re.MULTILINE)


@pytest.mark.parametrize("command", ["set $info[5] = 0x10001", "set $info[5] = 0xffffffff",
                                     "set $info[6] = 0xfffffff0"])
def test_a_damaged_list_of_modules_is_named(command):
    status, output = boot_damaged([command])
    check_refused(status, output, "there are no boot modules, so there is no program to run")
    assert output.splitlines()[1] == \
        "Boot: the boot loader's list of modules is damaged; going on without"


@pytest.mark.parametrize("command", ["set $eax = 0", "set $ebx = 0xfffffff0"])
def test_a_loader_that_is_not_multiboot_is_refused(command):
    # Without options the kernel knows of no debug-exit port: the machine stands still.
    with Machine(gdb=True) as machine:
        damage(machine, [command])
        machine.wait_for(r"^Upperhalf cannot start: the kernel was not started by a multiboot "
                         r"loader\n")
        assert machine.qmp("query-status")["status"] == "running"


def test_without_options_there_is_nothing_to_do():
    with Machine(gdb=True) as machine:
        damage(machine, ["set $info[4] = 0xfffffff0"])
        machine.wait_for(r"^No first program \(option init=\): nothing more to do\n")


def test_of_two_modules_of_one_name_the_first_is_used(tmp_path):
    (tmp_path / "HELLO.EXE").write_bytes(b"not a program")
    status, output = run(HELLO + ["--module", str(tmp_path / "HELLO.EXE"), "--allow-duplicates"])
    assert status == HELLO_STATUS
    assert output.splitlines()[1] == "Boot: module HELLO.EXE is named twice; the first is used"


# The first program.

def check_not_started(status, output, command, cause=None):
    """The first program cannot be started: the last line says so, the one before it why."""
    lines = output.splitlines()
    assert status == STATUS_REFUSED, output
    assert re.fullmatch(rf"The first program '{command}' cannot be started \(status \w{{8}}\)",
                        lines[-1])
    assert cause is None or lines[-2].startswith(f"Ldr: {cause} (status "), output


def test_a_first_program_that_is_not_there_is_named():
    check_not_started(*run(["--append", "init=nosuch.exe 1 2"]), "nosuch.exe 1 2")


@pytest.mark.parametrize("contents, cause", [
    (b"", "no MZ signature"), (b"Not a program at all.", "no MZ signature"),
    (b"MZ" + bytes(100), "PE headers overlap the DOS header or are not aligned")])
def test_a_first_program_that_is_none_is_named(tmp_path, contents, cause):
    (tmp_path / "bad.exe").write_bytes(contents)
    check_not_started(*run(["--module", str(tmp_path / "bad.exe"), "--init", "bad.exe"]),
                      "bad.exe", rf"\SystemRoot\bad.exe cannot be loaded: {cause}")


# Drivers that are none. Each is demo.sys with one thing wrong.

class Image:
    """The bytes of a PE file, to be changed at places that are named ("PE Format")."""

    MACHINE, SECTION_COUNT, CHARACTERISTICS = 4, 6, 22
    MAGIC, ENTRY_POINT, SIZE_OF_IMAGE, SUBSYSTEM = 24, 40, 80, 92

    def __init__(self, data):
        self.data = bytearray(data)
        self.headers = self.number(0x3C)

    def number(self, offset):
        """The 32-bit number there."""
        return struct.unpack_from("<I", self.data, offset)[0]

    def put(self, field, value, code="I"):
        """Changes a field of the PE headers, by its offset from the signature."""
        struct.pack_into("<" + code, self.data, self.headers + field, value)
        return self

    def section(self, number, field, value):
        """Changes the address (12), the size of the data (16) or its place (20) of a section."""
        optional, = struct.unpack_from("<H", self.data, self.headers + 20)
        return self.put(24 + optional + 40 * number + field, value)

    def section_start(self, number):
        """A section's address, relative to the image."""
        optional, = struct.unpack_from("<H", self.data, self.headers + 20)
        return self.number(self.headers + 24 + optional + 40 * number + 12)

    def file_offset(self, name):
        """Where a section's data begins in the file."""
        entry = self.data.index(name.ljust(8, b"\0"), self.headers)
        return self.number(entry + 20)

    def replace(self, old, new):
        """Changes a text wherever it occurs."""
        assert old in self.data and len(old) == len(new)
        self.data = self.data.replace(old, new)
        return self

    def at(self, offset, value):
        """Changes a 32-bit number of the file."""
        struct.pack_into("<I", self.data, offset, value)
        return self

    def cut(self, length):
        """Leaves only the file's beginning."""
        self.data = self.data[:length]
        return self


BAD_DRIVERS = {
    "empty": (lambda image: image.cut(0), "no MZ signature"),
    "not-mz": (lambda image: image.at(0, 0x464C457F), "no MZ signature"),
    "dos-only": (lambda image: image.cut(70), "file ends before or inside the PE headers"),
    "cut": (lambda image: image.cut(len(image.data) // 2), "section reaches out of the file"),
    "far-headers": (lambda image: image.at(0x3C, 0x7FFFFFF0),
                    "file ends before or inside the PE headers"),
    "arm": (lambda image: image.put(Image.MACHINE, 0x1C0, "H"), "made for another processor"),
    "amd64": (lambda image: image.put(Image.MACHINE, 0x8664, "H").put(Image.MAGIC, 0x20B, "H"),
              "a 64-bit image"),
    "many-sections": (lambda image: image.put(Image.SECTION_COUNT, 96, "H"),
                      "section table is not inside the headers"),
    "crooked": (lambda image: image.section(1, 12, image.section_start(1) + 4),
                "section not aligned"),
    "overlap": (lambda image: image.section(2, 12, image.section_start(1)),
                "sections overlap, or are not in ascending order"),
    "huge": (lambda image: image.put(Image.SIZE_OF_IMAGE, 0xFFFFF000),
             "image too large, or smaller than its headers"),
    "no-way-in": (lambda image: image.put(Image.ENTRY_POINT, 0x7FFFFFFF), "entry point"),
    "window": (lambda image: image.put(Image.SUBSYSTEM, 2, "H"),
               "not a driver: its subsystem is not native"),
    "misspelled": (lambda image: image.replace(b"IoDeleteDevice\0", b"IoDeleteDevise\0"),
                   "ntoskrnl.exe does not export IoDeleteDevise"),
    "stripped": (lambda image: image.put(Image.CHARACTERISTICS, 0x2103, "H"),
                 "its base is not free, and its relocations were stripped"),
    "far-relocation": (lambda image: image.at(image.file_offset(b".reloc"), 0x7FFFF000),
                       "relocation outside the sections"),
}


@pytest.fixture(name="bad_boot", scope="module")
def fixture_bad_boot(tmp_path_factory):
    """A boot with as many bad drivers to start as an option may name, and one good too many.

    The status, the output, what was in use at the end; and the latter for a boot that has the same
    modules but starts none.
    """
    folder = tmp_path_factory.mktemp("drivers")
    with open(os.path.join(DRIVERS, "demo.sys"), "rb") as file:
        good = file.read()
    modules, starts = [], []
    for name, (change, _) in BAD_DRIVERS.items():
        path = folder / f"bad-{name}.sys"
        path.write_bytes(change(Image(good)).data)
        modules += ["--module", str(path)]
        starts += ["--start", path.name]
    results = []
    for start in starts + ["--start", "demo.sys"], []:
        with Machine(HELLO + modules + start, gdb=True) as machine:
            snapshot, = take_snapshots(machine, 64, [Place("HalpPowerOff")])
            results += [machine.wait_exit(), machine.log, snapshot.usage]
    return results


@pytest.mark.parametrize("name", BAD_DRIVERS)
def test_a_bad_driver_is_named_with_what_is_wrong_with_it(bad_boot, name):
    lines = [line for line in bad_boot[1].splitlines() if f"bad-{name}.sys" in line]
    assert len(lines) == 2, lines
    match = re.fullmatch(rf"Ldr: bad-{name}\.sys cannot be loaded: (.*) \(status (\w{{8}})\)",
                         lines[0])
    assert match and BAD_DRIVERS[name][1] in match[1]
    assert lines[1] == f"bad-{name}.sys is not loaded (status {match[2]})"
    assert int(match[2], 16) >= 0xC0000000


def test_bad_drivers_do_not_keep_the_system_from_starting(bad_boot):
    status, output = bad_boot[:2]
    assert status == HELLO_STATUS == bad_boot[3]
    assert re.search(r"^Hello from process \d+: \[hello.exe\] \[42\]$", output, re.MULTILINE)


def test_bad_drivers_leave_nothing_behind(bad_boot):
    assert bad_boot[2] == bad_boot[5]


def test_a_driver_too_many_is_named(bad_boot):
    assert "Boot: more than 16 drivers to start; demo.sys is not" in bad_boot[1].splitlines()


def test_a_driver_that_is_not_there_is_named():
    status, output = run(HELLO + ["--append", "start=nosuch.sys"])
    assert status == HELLO_STATUS
    assert re.search(r"^Ldr: nosuch.sys cannot be loaded: there is no such file \(status \w{8}\)$",
                     output, re.MULTILINE)


def test_a_driver_with_an_endless_name_is_named():
    status, output = run(HELLO + ["--append", f"start={'n' * 64}.sys"])
    assert status == HELLO_STATUS
    assert f"The driver's name {'n' * 64}.sys is too long" in output.splitlines()
