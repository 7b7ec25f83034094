"""The address space as the processor sees it, at several moments of the demonstration.

The machine is stopped at known places and all its memory is read from outside (pagetables.py): what
is shown here does not rest on anything that the kernel says about itself, but for where its lists
begin. The larger machine has memory that the window does not reach.
"""

import json
from collections import Counter

import pytest

from gdb import run_gdb
from machine import Machine
from pagetables import (ACCESSED, FIRST_SYSTEM_PDE, GLOBAL, NOT_CACHED, PAGE_SIZE, SECTION_WRITE,
                        USER, VALID, WRITE, Line, Place, frame_of, read_layout, take_snapshots,
                        the_kernel)
from test_programs import boot_set

CHILDREN = 8

# Where the machine is stopped, in this order: in DriverEntry; with all the children there; when
# timers are served, in the context of whoever was computing; in the middle of a context switch; at
# the end of a process, before and after it gives its memory back; at the end of it all.
MOMENTS = {
    "a driver starts": Line("demo: DriverEntry"),
    "all processes run": Line(f"{CHILDREN} processes passed a text on"),
    "a DPC runs": Place("KiTimerExpiration", 10),
    "before CR3 is loaded": Place("KiSwapContextCr3", 20),
    "a process ends": Place("MmCleanSpace"),
    "a process goes": Place("MmDeleteSpace"),
    "the last line": Line("One frame behind"),
}

# The same, where most frames lie beyond the window: one of them has just been filled with zeros
# through a mapping slot, as a table of the upper half shows. The first program is being made, so
# no other thread has been interrupted in the middle of making a page or a table.
LARGE_MOMENTS = {
    "a frame beyond the window is mapped":
        Place(f"MiUnmapFrame if (unsigned)Va >= {read_layout()['MI_MAPPING_SLOTS']}", 20),
    "all processes run": Line(f"{CHILDREN} processes passed a text on"),
}

# Intel SDM vol. 3, 2.5.
CR0_PAGING, CR0_WRITE_PROTECT = 0x80000000, 0x00010000
CR4_GLOBAL_PAGES, CR4_SMEP = 0x80, 0x100000


def demonstration(megabytes, moments):
    """Snapshots of the demonstration, by name. It must end well in spite of them."""
    with Machine(["--memory", str(megabytes)], gdb=True) as machine:
        snapshots = take_snapshots(machine, megabytes, list(moments.values()))
        assert machine.wait_exit() == 0
    return dict(zip(moments, snapshots))


@pytest.fixture(name="runs", scope="module")
def fixture_runs():
    """The two runs that all tests share."""
    return {64: demonstration(64, MOMENTS), 1024: demonstration(1024, LARGE_MOMENTS)}


@pytest.fixture(name="snapshot", params=[(64, name) for name in MOMENTS] +
                [(1024, name) for name in LARGE_MOMENTS], ids=lambda moment: "%d MB, %s" % moment)
def fixture_snapshot(runs, request):
    """One moment."""
    megabytes, name = request.param
    return runs[megabytes][name]


def wrong(pages):
    """Pages as text, for a message that an assertion shows; empty if there are none."""
    return ", ".join(f"{address:08x}: {pte:08x}" for address, pte in pages)


def users(snapshot):
    """All processes but System."""
    return snapshot.processes[1:]


def test_the_moments_are_what_they_are_named_for(runs):
    programs = {name: len(users(snapshot)) for name, snapshot in runs[64].items()}
    assert programs["a driver starts"] == 0 and programs["the last line"] == 1
    for name in "all processes run", "before CR3 is loaded", "a DPC runs", "a process ends":
        assert programs[name] == CHILDREN + 1, name
    assert len(users(runs[1024]["all processes run"])) == CHILDREN + 1
    slots = runs[1024]["a frame beyond the window is mapped"]
    assert slots.pte(slots.kernel.layout["MI_MAPPING_SLOTS"]) & VALID


# The upper half.

def test_every_directorys_upper_half_is_the_templates(snapshot):
    template = [entry & ~ACCESSED for entry in snapshot.template[FIRST_SYSTEM_PDE:]]
    for process in snapshot.processes:
        entries = snapshot.directory(process)[FIRST_SYSTEM_PDE:]
        assert [entry & ~ACCESSED for entry in entries] == template, process


def test_the_template_has_512_tables_and_no_lower_half(snapshot):
    assert not any(snapshot.template[:FIRST_SYSTEM_PDE])
    upper = snapshot.template[FIRST_SYSTEM_PDE:]
    assert len({frame_of(entry) for entry in upper}) == FIRST_SYSTEM_PDE
    assert all(entry & VALID and entry & WRITE for entry in upper)


def test_user_mode_reaches_no_page_of_the_upper_half(snapshot):
    assert not any(entry & USER for entry in snapshot.template)
    assert not wrong(page for page in snapshot.upper if page[1] & USER)


def test_every_page_of_the_upper_half_is_global(snapshot):
    assert not wrong(page for page in snapshot.upper if not page[1] & GLOBAL)


def test_only_what_the_map_shows_is_mapped(snapshot):
    regions = [("MI_PAGED_POOL_START", "MI_PAGED_POOL_END"),
               ("MI_SYSTEM_PTE_START", "MI_SYSTEM_PTE_END"),
               ("MI_NONPAGED_POOL_START", "MI_NONPAGED_POOL_END"),
               ("MI_MAPPING_SLOTS", "MI_SYSTEM_SHARED")]
    layout = snapshot.kernel.layout
    single = {layout["MI_SYSTEM_SHARED"], layout["MI_PCR_ADDRESS"]}
    window = layout["MI_WINDOW_BASE"], layout["MI_WINDOW_BASE"] + layout["MI_WINDOW_SIZE"]
    for address, pte in snapshot.upper:
        if window[0] <= address < window[1]:
            assert frame_of(pte) == frame_of(address - window[0])
        else:
            assert address in single or any(snapshot.kernel.inside(address, *region)
                                            for region in regions), f"{address:08x}"


def test_the_processor_uses_these_tables_and_their_protection(snapshot):
    registers = snapshot.registers
    assert registers["CR3"] in [process.directory for process in snapshot.processes]
    assert registers["CR0"] & CR0_PAGING and registers["CR0"] & CR0_WRITE_PROTECT
    assert registers["CR4"] & CR4_GLOBAL_PAGES and registers["CR4"] & CR4_SMEP


# What may not be written.

def constant_pages(snapshot):
    """The addresses of the upper half's code and constants: the kernel's, and each driver's."""
    kernel = snapshot.kernel
    pages = set(range(kernel["KernelImageStart"], kernel["KernelRodataEnd"], PAGE_SIZE))
    assert kernel["KernelTextStart"] in pages
    template = kernel["MmDirectoryTemplate"]
    assert template % PAGE_SIZE == 0
    pages.add(template)
    for driver in snapshot.drivers:
        pages.add(driver.base)          # the headers
        for section in driver.sections:
            # Debugging information (a long name, so "/" and a number) stays in the file.
            if not section.flags & SECTION_WRITE and not section.name.startswith("/"):
                pages.update(range(section.start, section.end, PAGE_SIZE))
    return pages


def test_code_and_constants_cannot_be_written_by_any_way(snapshot):
    pages = constant_pages(snapshot)
    found = {address: pte for address, pte in snapshot.upper if address in pages}
    assert set(found) == pages
    frames = {frame_of(pte) for pte in found.values()}
    assert len(frames) == len(pages)
    assert not wrong(page for page in snapshot.upper
                     if page[1] & WRITE and frame_of(page[1]) in frames)


def test_a_driver_can_write_to_its_data(snapshot):
    """The opposite of the test above, lest that one hold because nothing can be written."""
    written = [section for driver in snapshot.drivers for section in driver.sections
               if section.flags & SECTION_WRITE]
    assert written
    for section in written:
        assert snapshot.pte(section.start) & WRITE, section


def test_below_each_kernel_stack_lies_nothing(snapshot):
    assert len(snapshot.threads) == 1 + sum(len(process.threads) for process in snapshot.processes)
    for thread in snapshot.threads:
        assert not snapshot.pte(thread.stack_limit - PAGE_SIZE) & VALID, thread
        assert snapshot.pte(thread.stack_limit) & VALID and \
               snapshot.pte(thread.stack_limit) & WRITE, thread


# The lower halves.

def test_the_system_process_has_no_lower_half(snapshot):
    system = snapshot.processes[0]
    assert system.name == "System"
    assert not any(snapshot.directory(system)[:FIRST_SYSTEM_PDE])


def test_the_ends_of_the_lower_half_are_not_mapped(snapshot):
    layout = snapshot.kernel.layout
    for process in users(snapshot):
        assert not wrong(page for page in snapshot.lower(process)
                         if not layout["MI_LOWEST_USER_ADDRESS"] <= page[0] <
                         layout["MI_USER_PROBE_ADDRESS"])


def test_the_shared_page_is_one_frame_read_only_to_user_mode(snapshot):
    layout = snapshot.kernel.layout
    shared = snapshot.pte(layout["MI_SYSTEM_SHARED"])
    assert shared & VALID and shared & WRITE
    for process in users(snapshot):
        pte = snapshot.pte(layout["MI_USER_SHARED_ADDRESS"], snapshot.directory(process))
        assert pte & (VALID | WRITE | USER) == VALID | USER, process
        assert frame_of(pte) == frame_of(shared)


def own_frames(snapshot, process):
    """The frames behind a process's half, but for the shared page."""
    shared = snapshot.kernel.layout["MI_USER_SHARED_ADDRESS"]
    return [frame_of(pte) for address, pte in snapshot.lower(process) if address != shared]


def test_no_frame_is_in_two_lower_halves(snapshot):
    frames = Counter(frame for process in users(snapshot)
                     for frame in own_frames(snapshot, process))
    assert all(count == 1 for count in frames.values()), frames.most_common(3)
    usages = {snapshot.frames[frame].usage for frame in frames}
    assert usages <= {snapshot.kernel["UsageProcess"]}
    for process in users(snapshot):
        assert len(own_frames(snapshot, process)) == process.private_pages, process


def test_directories_and_tables_are_a_processs_own(snapshot):
    kernel = snapshot.kernel
    seen = set()
    for process in users(snapshot):
        lower = snapshot.directory(process)[:FIRST_SYSTEM_PDE]
        tables = [frame_of(entry) for entry in lower if entry & VALID]
        assert len(tables) == process.tables
        assert {snapshot.frames[frame].usage for frame in tables} <= {kernel["UsageTable"]}
        directory = frame_of(process.directory)
        assert snapshot.frames[directory].usage == kernel["UsageDirectory"]
        assert not seen & {directory, *tables}
        seen |= {directory, *tables}


def test_a_large_machines_memory_beyond_the_window_is_used(runs):
    snapshot = runs[1024]["all processes run"]
    window = snapshot.kernel.layout["MI_WINDOW_SIZE"] // PAGE_SIZE
    frames = [frame for process in users(snapshot) for frame in own_frames(snapshot, process)]
    assert frames and min(frames) >= window
    assert any(frame_of(pte) >= window for _, pte in snapshot.upper)


# The PFN database.

def list_of(snapshot, zone, state):
    """The frames on one list, followed through the database."""
    frames = snapshot.frames
    end = 0xFFFFFFFF
    heads = snapshot.counters("MiListHeads", 2 * snapshot.kernel["MI_ZONES"])
    found = []
    previous, frame = end, heads[2 * zone + state]
    while frame != end:
        assert frames[frame].blink == previous and len(found) < len(frames)
        found.append(frame)
        previous, frame = frame, frames[frame].flink
    return found


def test_every_frame_is_in_one_state_and_the_counters_agree(snapshot):
    kernel = snapshot.kernel
    states = Counter(frame.location for frame in snapshot.frames)
    counted = snapshot.counters("MiStateCount", kernel["TransitionPage"] + 1)
    assert [states[state] for state in range(len(counted))] == counted
    usages = Counter(frame.usage for frame in snapshot.frames)
    counted = snapshot.counters("MiUsageCount", kernel["MI_USAGES"])
    assert [usages[usage] for usage in range(len(counted))] == counted
    memory = len(snapshot.frames) - states[kernel["BadPageList"]]
    assert memory == snapshot.symbol("MmNumberOfPhysicalPages")
    free = states[kernel["FreePageList"]] + states[kernel["ZeroedPageList"]]
    assert free == snapshot.symbol("MmAvailablePages")
    assert free + states[kernel["ActiveAndValid"]] == memory


def test_the_lists_hold_exactly_the_frames_of_their_states(snapshot):
    kernel = snapshot.kernel
    window = kernel.layout["MI_WINDOW_SIZE"] // PAGE_SIZE
    for state in kernel["ZeroedPageList"], kernel["FreePageList"]:
        near = list_of(snapshot, kernel["ZoneWindow"], state)
        far = list_of(snapshot, kernel["ZoneAny"], state)
        assert all(frame < window for frame in near) and all(frame >= window for frame in far)
        expected = [number for number, frame in enumerate(snapshot.frames)
                    if frame.location == state]
        assert sorted(near + far) == expected
        assert all(snapshot.frames[frame].references == 0 for frame in expected)


def test_a_zeroed_frame_holds_zeros(snapshot):
    zeros = bytes(PAGE_SIZE)
    for number, frame in enumerate(snapshot.frames):
        if frame.location == snapshot.kernel["ZeroedPageList"]:
            assert snapshot.physical(number * PAGE_SIZE, PAGE_SIZE) == zeros, number


def test_no_free_frame_is_mapped(snapshot):
    """What lies beyond all memory is a device's registers, and not cached."""
    layout = snapshot.kernel.layout
    pages = [page for page in snapshot.upper
             if page[0] >= layout["MI_WINDOW_BASE"] + layout["MI_WINDOW_SIZE"]]
    pages += [page for process in users(snapshot) for page in snapshot.lower(process)]
    active = snapshot.kernel["ActiveAndValid"]
    count = len(snapshot.frames)
    assert not wrong(page for page in pages if frame_of(page[1]) < count and
                     snapshot.frames[frame_of(page[1])].location != active)
    assert not wrong(page for page in pages if frame_of(page[1]) >= count and
                     not page[1] & NOT_CACHED)


def test_each_frame_knows_the_entry_that_maps_it(snapshot):
    """MMPFN.PteAddress, through the window: for what belongs to processes and their tables."""
    kernel = snapshot.kernel
    of_interest = {kernel["UsageProcess"], kernel["UsageTable"]}
    base = kernel.layout["MI_WINDOW_BASE"]
    # What is just being filled with zeros is not mapped yet.
    slots = {frame_of(pte) for address, pte in snapshot.upper
             if kernel.inside(address, "MI_MAPPING_SLOTS", "MI_SYSTEM_SHARED")}
    # Nor is that of a page fault that was interrupted: one a process, for each has one thread.
    interrupted = 0
    for number, frame in enumerate(snapshot.frames):
        if frame.usage in of_interest and number not in slots:
            entry, = snapshot.ulongs(frame.pte, 1)
            if frame.usage == kernel["UsageProcess"] and not entry & VALID:
                interrupted += 1
                continue
            assert frame.pte >= base and frame_of(entry) == number, f"{number:05x}: {frame}"
    assert interrupted <= len(snapshot.processes)


def test_after_a_process_the_counts_are_what_they_were_before():
    # Each time when the next process is about to be made; the first ones fill tables and caches.
    moments = [Place("PspCreateFromFile", 20), Place("PspCreateFromFile", 0),
               Place("MmCleanSpace"), Place("PspCreateFromFile", 5)]
    with Machine(boot_set("churn.exe") + ["--init", "churn.exe 30"], gdb=True) as machine:
        snapshots = take_snapshots(machine, 64, moments)
    before, after, during, later = (snapshot.usage for snapshot in snapshots)
    assert before == after == later
    assert during["committed"] > before["committed"] and during["usages"] != before["usages"]


# CR3.

# At each switch, to the machine's end: the old and the new thread's address spaces (attachment
# counted), and CR3 and the counters at the beginning and at the end of KiSwapContext.
RECORDER = '''
import gdb
import json

def number(expression):
    return int(gdb.parse_and_eval("(unsigned)(" + expression + ")"))

def state():
    monitor = gdb.execute("monitor info registers", to_string=True)
    cr3 = int(monitor.split("CR3=")[1].split()[0], 16)
    prcb = "((struct _KIPCR *){PCR})->PrcbData."
    return [cr3] + [number(prcb + name) for name in
                    ("ThreadSwitches", "AddressSpaceSwitches", "AttachSwitches")]

gdb.Breakpoint("*KiSwapContext")
gdb.execute("continue", to_string=True)
start = number("$eip")
code = gdb.selected_inferior().architecture().disassemble(start, count=100)
end = next(line["addr"] for line in code if line["asm"].startswith("ret"))
gdb.Breakpoint("*%d" % end)
gdb.Breakpoint("*HalpPowerOff")
switches = []
while number("$eip") in (start, end):
    # An interrupt may come in at either place; then the machine stops there once more.
    if number("$eip") == start:
        processes = [number("((struct _KTHREAD *)$%s)->ApcState.Process" % name)
                     for name in ("ecx", "edx")]
        bases = [number("((struct _KPROCESS *)%d)->DirectoryTableBase[0]" % process)
                 for process in processes]
        before, after = state(), None
    else:
        if after:
            switches.pop()
        after = state()
        switches.append([processes, bases, before, after])
    gdb.execute("continue", to_string=True)
print("switches " + json.dumps(switches))
'''


@pytest.fixture(name="switches", scope="module")
def fixture_switches():
    """All switches of the demonstration, from the machine's first on."""
    script = RECORDER.replace("{PCR}", str(the_kernel().layout["MI_PCR_ADDRESS"]))
    with Machine(gdb=True) as machine:
        output = run_gdb(machine, script, python=True)
        assert machine.wait_exit() == 0
    lines = [line for line in output.splitlines() if line.startswith("switches ")]
    assert len(lines) == 1, output
    return json.loads(lines[0].split(" ", 1)[1])


def test_cr3_is_loaded_exactly_when_the_process_changes(switches):
    for (old, new), (old_base, new_base), before, after in switches:
        assert before[0] == old_base and after[0] == new_base
        assert (before[0] == after[0]) == (old == new)
    changes = sum(old != new for (old, new), *_ in switches)
    assert len(switches) > 100 and 0 < changes < len(switches), len(switches)


def test_the_counters_tell_each_switch_and_each_load_of_cr3(switches):
    for (old, new), _, before, after in switches:
        assert after[1] == before[1] + 1
        assert after[2] == before[2] + (old != new)
        assert after[3] == before[3]


def test_between_switches_only_attaching_loads_cr3(switches):
    for earlier, later in zip(switches, switches[1:]):
        after, before = earlier[3], later[2]
        assert after[1:3] == before[1:3]
        assert after[0] == before[0] or after[3] != before[3]
    assert switches[-1][3][3] > 0
