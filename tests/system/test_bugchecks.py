"""Each mistake that crash.sys can make, in a run of its own, and what the machine says about it.

drvcrash.exe asks the driver for the mistake. The machine must stop with the bug check that Windows
documents for it, tell the four parameters, and name the driver, the process and the IRQL. Mistakes
that go unnoticed must let the program end as if nothing had been. What only a checked kernel finds
is made on that one, too, and what it prints is compared.
"""

import os
import re

import pytest

from machine import Machine, ROOT, run

BUILD = os.path.join(ROOT, "build")
CHECKED = ["--kernel", os.path.join(BUILD, "checked", "upperhalf.elf")]
STATUS_BUG_CHECK = 97

PASSIVE, APC, DISPATCH, CLOCK, HIGH = 0, 1, 2, 28, 31
ACCESS_VIOLATION, BREAKPOINT = 0xC0000005, 0x80000003
MUTANT_LIMIT_EXCEEDED, CONFLICTING_ADDRESSES = 0xC0000191, 0xC0000018
DIVIDE_BY_ZERO, ILLEGAL_INSTRUCTION, IO_TIMEOUT = 0xC0000094, 0xC000001D, 0xC00000B5
MUTANT_NOT_OWNED, SEMAPHORE_LIMIT_EXCEEDED, ABANDONED = 0xC0000046, 0xC0000047, 0x80
GOOD_TAG, BAD_TAG = 0x446F6F47, 0x44616142     # "GooD" and "BaaD" as memory shows them
SYSTEM_SPACE = 0x80000000

# The parameters that are not one number, as intervals. CODE: inside crash.sys.
ANY = (0, 0xFFFFFFFF)
KERNEL = (0x80100000, 0x9FFFFFFF)
USER = (0x10000, 0x7FFEFFFF)
PAGED = (0xE1000000, 0xF0FFFFFF)
NONPAGED = (0xFC000000, 0xFFBDFFFF)
IMAGES = (0xF1000000, 0xFBFFFFFF)
CODE = "an address in crash.sys"

NAMES = {
    0x01: "APC_INDEX_MISMATCH",
    0x05: "INVALID_PROCESS_ATTACH_ATTEMPT",
    0x06: "INVALID_PROCESS_DETACH_ATTEMPT",
    0x09: "IRQL_NOT_GREATER_OR_EQUAL",
    0x0A: "IRQL_NOT_LESS_OR_EQUAL",
    0x0C: "MAXIMUM_WAIT_OBJECTS_EXCEEDED",
    0x0F: "SPIN_LOCK_ALREADY_OWNED",
    0x10: "SPIN_LOCK_NOT_OWNED",
    0x11: "THREAD_NOT_MUTEX_OWNER",
    0x19: "BAD_POOL_HEADER",
    0x1A: "MEMORY_MANAGEMENT",
    0x1E: "KMODE_EXCEPTION_NOT_HANDLED",
    0x20: "KERNEL_APC_PENDING_DURING_EXIT",
    0x40: "TARGET_MDL_TOO_SMALL",
    0x30: "SET_OF_INVALID_CONTEXT",
    0x4A: "IRQL_GT_ZERO_AT_SYSTEM_SERVICE",
    0x4E: "PFN_LIST_CORRUPT",
    0x50: "PAGE_FAULT_IN_NONPAGED_AREA",
    0x76: "PROCESS_HAS_LOCKED_PAGES",
    0x7F: "UNEXPECTED_KERNEL_MODE_TRAP",
    0xB8: "ATTEMPTED_SWITCH_FROM_DPC",
    0xBE: "ATTEMPTED_WRITE_TO_READONLY_MEMORY",
    0xC2: "BAD_POOL_CALLER",
    0xC4: "DRIVER_VERIFIER_DETECTED_VIOLATION",
    0xC1: "SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION",
    0xC8: "IRQL_UNEXPECTED_VALUE",
    0xC9: "DRIVER_VERIFIER_IOMANAGER_VIOLATION",
    0xD5: "DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL",
    0xD6: "DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION",
    0xD1: "DRIVER_IRQL_NOT_LESS_OR_EQUAL",
    0xDA: "SYSTEM_PTE_MISUSE",
    0xE7: "INVALID_FLOATING_POINT_STATE",
    0xFC: "ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY",
    0x101: "CLOCK_WATCHDOG_TIMEOUT",
    0x133: "DPC_WATCHDOG_VIOLATION",
    0xC0FFEE: "",
    0x4000008A: "THREAD_TERMINATE_HELD_MUTEX",
}

# Mistake: code, four parameters, IRQL. WDK: Bug Check Code Reference.
STOPS = {
    "paged-read": (0xD1, (PAGED, DISPATCH, 0, CODE), DISPATCH),
    "paged-write": (0xD1, (PAGED, DISPATCH, 1, CODE), DISPATCH),
    "paged-allocate": (0xC2, (8, DISPATCH, 1, 40), DISPATCH),
    "paged-free": (0xC2, (9, DISPATCH, 1, PAGED), DISPATCH),
    "double-free": (0xC2, (7, 0, ANY, NONPAGED), DISPATCH),
    "double-free-paged": (0xC2, (7, 0, ANY, PAGED), APC),
    "double-free-big": (0xC2, (0x46, NONPAGED, 0, 0), DISPATCH),
    "wrong-tag": (0xC2, (0xA, NONPAGED, GOOD_TAG, BAD_TAG), DISPATCH),
    "wrong-tag-big": (0xC2, (0xA, NONPAGED, GOOD_TAG, BAD_TAG), DISPATCH),
    "overrun": (0x19, (0x20, NONPAGED, NONPAGED, 0x78787878), DISPATCH),
    "overrun-paged": (0x19, (0x20, PAGED, PAGED, 0x78787878), APC),
    "underrun": (0xC2, (0x99, NONPAGED, 0, 0), DISPATCH),
    "free-user": (0xC2, (0x40, USER, SYSTEM_SPACE, 0), PASSIVE),
    "free-image": (0xC2, (0x42, IMAGES, 0, 0), PASSIVE),
    "mdl-unlock": (0x76, (1, NONPAGED, 0, 0), PASSIVE),
    "mdl-unlock-part": (0x76, (1, NONPAGED, 1, 0), PASSIVE),
    "mdl-unlock-pool": (0x76, (1, NONPAGED, 0, 0), PASSIVE),
    "mdl-left": (0x76, (0, NONPAGED, 1, 0), APC),
    "mdl-lock-twice": (0x76, (0, NONPAGED, 1, 0), APC),
    "mdl-free-mapped": (0x76, (0, NONPAGED, 1, 0), APC),
    "mdl-lock-null": (0x1E, (ACCESS_VIOLATION, KERNEL, 0, 0), PASSIVE),
    "mdl-lock-system": (0x1E, (ACCESS_VIOLATION, KERNEL, 0, 0), PASSIVE),
    "mdl-lock-text": (0x1E, (ACCESS_VIOLATION, KERNEL, 0, 0), PASSIVE),
    "mdl-build-paged": (0x1A, (0x1240, NONPAGED, PAGED, ANY), PASSIVE),
    "mdl-too-small": (0x40, (0, 0, 0, 0), PASSIVE),
    "mdl-pool-freed": (0x4E, (0x9A, ANY, 6, 2), DISPATCH),
    "mdl-map-unlocked": (0x1A, (0x1233, ANY, 0, 0), PASSIVE),
    "mdl-map-conflict": (0x1E, (CONFLICTING_ADDRESSES, KERNEL, 0, 0), PASSIVE),
    "mdl-unmap": (0xDA, (6, NONPAGED, IMAGES, 1), PASSIVE),
    "mdl-write": (0xBE, (IMAGES, ANY, 0, 0), PASSIVE),
    "mdl-pages-twice": (0x76, (1, NONPAGED, 0, 0), PASSIVE),
    "reserved-mapped": (0xDA, (0x103, IMAGES, GOOD_TAG, 2), PASSIVE),
    "reserved-tag": (0xDA, (0x101, IMAGES, BAD_TAG, GOOD_TAG & ~1), PASSIVE),
    "reserved-twice": (0xDA, (0x107, IMAGES, IMAGES, IMAGES), PASSIVE),
    "reserved-unmap": (0xDA, (0x10B, IMAGES, GOOD_TAG, 1), PASSIVE),
    "contiguous": (0xDA, (0x304, IMAGES, 1, 0), PASSIVE),
    "contiguous-part": (0xDA, (0x305, IMAGES, 1, 2), PASSIVE),
    "contiguous-none": (0xDA, (0x302, IMAGES, 0, 0), PASSIVE),
    "section-unlock": (0x1A, (0x1010, NONPAGED, 0, 0), PASSIVE),
    "section-none": (0x1A, (0x1234, USER, 0, 0), PASSIVE),
    "null": (0x1E, (ACCESS_VIOLATION, CODE, 0, 0), PASSIVE),
    "null-write": (0x1E, (ACCESS_VIOLATION, CODE, 1, 0), PASSIVE),
    "null-dispatch": (0xD1, (0, DISPATCH, 0, CODE), DISPATCH),
    "unmapped": (0x50, (0xA0000000, 0, CODE, 0), PASSIVE),
    "write-text": (0xBE, (CODE, ANY, 0, 0), PASSIVE),
    "execute-user": (0xFC, (USER, ANY, 0, 0), PASSIVE),
    "stack": (0x7F, (8, ANY, 0, 0), PASSIVE),
    "divide": (0x1E, (DIVIDE_BY_ZERO, CODE, 0, 0), PASSIVE),
    "undefined": (0x1E, (ILLEGAL_INSTRUCTION, CODE, 0, 0), PASSIVE),
    "bound": (0x7F, (5, 0, 0, 0), PASSIVE),
    "chain": (0x1E, (IO_TIMEOUT, CODE, 0, 0), PASSIVE),
    "lower-stack": (0x30, (IMAGES, IMAGES, IMAGES, 0), PASSIVE),
    "breakpoint": (0x1E, (BREAKPOINT, CODE, 0, 0), PASSIVE),
    "float": (0x7F, (7, 0, 0, 0), PASSIVE),
    "float-dpc": (0x7F, (7, 0, 0, 0), DISPATCH),
    "float-irql": (0xE7, (1, PASSIVE, DISPATCH, 0), DISPATCH),
    "float-twice": (0xE7, (0, 0, 0, 0), PASSIVE),
    "float-order": (0xE7, (2, NONPAGED, NONPAGED, 0), PASSIVE),
    "wait-dispatch": (0x0A, (IMAGES, DISPATCH, 0, ANY), DISPATCH),
    "wait-spinlock": (0x0A, (IMAGES, DISPATCH, 0, ANY), DISPATCH),
    "wait-dispatch-timeout": (0x0A, (IMAGES, DISPATCH, 0, ANY), DISPATCH),
    "wait-queue": (0x0A, (IMAGES, DISPATCH, 0, ANY), DISPATCH),
    "wait-65": (0x0C, (0, 0, 0, 0), PASSIVE),
    "wait-4": (0x0C, (0, 0, 0, 0), PASSIVE),
    "semaphore-limit": (0x1E, (SEMAPHORE_LIMIT_EXCEEDED, KERNEL, 0, 0), PASSIVE),
    "mutex-free": (0x1E, (MUTANT_NOT_OWNED, KERNEL, 0, 0), PASSIVE),
    "mutex-anothers": (0x1E, (MUTANT_NOT_OWNED, KERNEL, 0, 0), PASSIVE),
    "mutex-abandoned": (0x1E, (ABANDONED, KERNEL, 0, 0), PASSIVE),
    "mutex-dpc": (0x1E, (MUTANT_NOT_OWNED, KERNEL, 0, 0), PASSIVE),
    "mutex-too-often": (0x1E, (MUTANT_LIMIT_EXCEEDED, KERNEL, 0, 0), PASSIVE),
    "mutex-return": (0x01, (USER, 0, 0xFFFF, 0), PASSIVE),
    "mutex-end": (0x4000008A, (NONPAGED, IMAGES, 0, 0), DISPATCH),
    "region-end": (0x20, (0, 0xFFFF, DISPATCH, 0), DISPATCH),
    "region-return": (0x01, (USER, 0, 0xFFFF0000, 0), PASSIVE),
    "apc-dispatch": (0xC8, (0x20100, CODE, IMAGES, 0), DISPATCH),
    "apc-detach": (0x06, (0, 0, 0, 0), DISPATCH),
    "detach-twice": (0x06, (0, 0, 0, 0), DISPATCH),
    "attached-end": (0x05, (NONPAGED, KERNEL, 1, 0), PASSIVE),
    "wait-dpc": (0xB8, (ANY, ANY, ANY, ANY), DISPATCH),
    "raise-lower": (0x09, (DISPATCH, PASSIVE, 0, 0), DISPATCH),
    "lower-higher": (0x0A, (DISPATCH, PASSIVE, 0, ANY), PASSIVE),
    "return-dispatch": (0x4A, (USER, DISPATCH, 0, 0), DISPATCH),
    "bugcheck": (0xC0FFEE, (1, 2, 3, 4), PASSIVE),
    "spinlock-twice": (0x0F, (IMAGES, 0, 0, 0), DISPATCH),
    "queuedlock-twice": (0x0F, (IMAGES, 0, 0, 0), DISPATCH),
    "queuedlock-release": (0x10, (IMAGES, 0, 0, 0), DISPATCH),
    "fastmutex-dispatch": (0x09, (DISPATCH, APC, 0, 0), DISPATCH),
    "event-high": (0x09, (HIGH, DISPATCH, 0, 0), HIGH),
    "timer-high": (0x09, (HIGH, DISPATCH, 0, 0), HIGH),
}

# The same on a checked kernel, and what it says besides. WDK: Bug Check 0xC4 for most.
HELD = r"processor {} holds {}spin lock \w+ \(crash\.sys\+\w+\), acquired at crash\.sys\+"
CHECKED_STOPS = {
    "spinlock-twice": (0x0F, (IMAGES, 0, 0, 0), DISPATCH, HELD.format(0, "")),
    "queuedlock-twice": (0x0F, (IMAGES, 0, 0, 0), DISPATCH, HELD.format(0, "queued ")),
    "queuedlock-release": (0x10, (IMAGES, 0, 0, 0), DISPATCH, ""),
    "spinlock-release": (0x10, (IMAGES, 0, 0, 0), DISPATCH, ""),
    "spinlock-passive": (0xC4, (0x40, PASSIVE, IMAGES, 0), PASSIVE, "but IRQL is below"),
    "spinlock-lower": (0xC4, (0x31, DISPATCH, PASSIVE, 0), DISPATCH, HELD.format(0, "")),
    "spinlock-keep": (0x0F, (IMAGES, 0, 0, 0), DISPATCH, HELD.format(1, "")),
    "order-spinlocks": (0xC4, (0x1001, IMAGES, 0, 0), DISPATCH, "Locks in a wrong order"),
    "order-mutexes": (0xC4, (0x1001, IMAGES, 0, 0), APC, "Locks in a wrong order"),
    "fastmutex-dispatch": (0xC4, (0x33, DISPATCH, IMAGES, 0), DISPATCH, "above APC_LEVEL"),
    "fastmutex-twice": (0xC4, (0x1000, IMAGES, 0, 0), APC, "that it holds already"),
    "fastmutex-anothers": (0x11, (IMAGES, NONPAGED, NONPAGED, 0), APC, ""),
    "fastmutex-end": (0xC4, (0x100A, NONPAGED, IMAGES, 0), PASSIVE,
                      r"the ending thread holds fast mutex \w+ .*, acquired at crash\.sys\+"),
    "resource-apcs": (0xC4, (0x37, PASSIVE, 0, IMAGES), PASSIVE, "APCs are not disabled"),
    "mdl-unlock-part": (0xC4, (0xB4, NONPAGED, ANY, 0x10), PASSIVE, "a partial MDL"),
    "mdl-unlock-pool": (0xC4, (0x7D, NONPAGED, ANY, 0), PASSIVE, "which is never locked"),
    "mdl-lock-twice": (0xC4, (0xB0, NONPAGED, ANY, 2), PASSIVE, "has its pages already"),
    "mdl-free-mapped": (0xC4, (0xB8, NONPAGED, ANY, 0), PASSIVE, "still mapped"),
    "mdl-build-paged": (0xC4, (0x7F, PASSIVE, NONPAGED, ANY), PASSIVE, "for paged pool"),
    "mdl-map-twice": (0xC4, (0xB2, NONPAGED, ANY, 1), PASSIVE, "an address there already"),
    "event-high": (0xC4, (0x80, HIGH, IMAGES, 0), HIGH, "KeSetEvent is called above"),
    "timer-high": (0x0A, (KERNEL, HIGH, 8, CODE), HIGH,
                   "KeCancelTimer is called at IRQL 31; the highest that it allows is 2"),
    "stuck-dpc": (0x133, (0, 501, 500, 0), CLOCK, r"the DPC at crash\.sys\+\w+ has been running"),
    "stuck-dispatch": (0x133, (1, 1000, 0, 0), CLOCK, "processor 0 has been at DISPATCH_LEVEL"),
    "stuck-high": (0x101, (500, 0, (0xFFD00000, 0xFFFFFFFF), 0), CLOCK,
                   "processor 1 takes no interrupts"),
}

UNNOTICED = ["paged-resident", "paged-code", "spinlock-release", "spinlock-passive",
             "order-spinlocks", "order-mutexes", "resource-apcs", "stack-nearly",
             "mdl-map-twice"]

# The driver's part is over when the kernel finds out.
NOT_THE_DRIVERS = {"return-dispatch", "mutex-return", "mutex-end", "region-end", "region-return",
                   "fastmutex-end", "stuck-high", "mdl-left", "mdl-lock-twice",
                   "mdl-free-mapped"}

# The process is the one that the thread is attached to, or that another processor is idle in.
IN_SYSTEM = {"apc-detach", "attached-end", "stuck-high"}

# Mistakes that take two processors.
TWO_PROCESSORS = {"spinlock-keep", "stuck-high"}

# A bug check of ours names the driver by this line; then come the process and the IRQL.
STOP = re.compile(r"\*\*\* STOP: 0x(\w{8}) \(0x(\w{8}),0x(\w{8}),0x(\w{8}),0x(\w{8})\)")
CULPRIT = re.compile(r"^\*\*\*  (\S+) - Address (\w{8}) base at (\w{8}), offset (\w{8})$",
                     re.MULTILINE)
CONTEXT = re.compile(r"^Process (\S+) \(pid (\d+), \w+\), thread \d+ \(\w+\), IRQL (\d+), "
                     r"processor 0$", re.MULTILINE)


def options(mistake):
    """The options of tools/run that make drvcrash.exe ask for this mistake."""
    chosen = ["--start", "crash.sys", "--init", f"drvcrash.exe {mistake}"]
    chosen += ["--cpus", "2"] if mistake in TWO_PROCESSORS else []
    for name in "tests/crash.sys", "tests/drvcrash.exe", "user/ntdll.dll":
        chosen += ["--module", os.path.join(BUILD, name)]
    return chosen


def image_of(name, output):
    """The addresses of an image, from the report's culprit: (first, last)."""
    match = CULPRIT.search(output)
    assert match and match[1] == name, output
    base, address, offset = int(match[3], 16), int(match[2], 16), int(match[4], 16)
    assert base + offset == address
    return base, base + 0x100000


def agrees(value, expected, code):
    """Whether a parameter is the expected number, or in the expected interval."""
    if expected == CODE:
        expected = code
    low, high = expected if isinstance(expected, tuple) else (expected, expected)
    return low <= value <= high


def check_stop_line(output, code, parameters, image):
    """The STOP line: its code, the code's name above it, the parameters."""
    numbers = [int(number, 16) for number in STOP.search(output).groups()]
    assert numbers[0] == code
    assert NAMES[code] in output.splitlines()
    for number, (value, expected) in enumerate(zip(numbers[1:], parameters), 1):
        assert agrees(value, expected, image), f"parameter {number} is {value:08x}:\n{output}"


def check_stop(mistake, status, output, expected):
    """The whole report: the STOP line, whose fault it is, the process and the IRQL."""
    code, parameters, irql = expected
    assert status == STATUS_BUG_CHECK and len(STOP.findall(output)) == 1, output
    image = ANY if mistake in NOT_THE_DRIVERS else image_of("crash.sys", output)
    check_stop_line(output, code, parameters, image)
    context = CONTEXT.search(output)
    process = "System" if mistake in IN_SYSTEM else "drvcrash.exe"
    assert context and context[1] == process and int(context[3]) == irql, output


@pytest.mark.parametrize("mistake", STOPS)
def test_a_drivers_mistake_stops_the_machine_with_the_documented_bug_check(mistake):
    status, output = run(options(mistake))
    check_stop(mistake, status, output, STOPS[mistake])


@pytest.mark.parametrize("mistake", CHECKED_STOPS)
def test_a_checked_kernel_finds_more_and_says_what(mistake):
    *expected, said = CHECKED_STOPS[mistake]
    status, output = run(CHECKED + options(mistake))
    check_stop(mistake, status, output, expected)
    assert re.search(said, output), output


@pytest.mark.parametrize("mistake, kind", [("order-spinlocks", "spin lock"),
                                           ("order-mutexes", "fast mutex")])
def test_the_report_of_a_wrong_order_names_both_locks_and_four_call_sites(mistake, kind):
    _, output = run(CHECKED + options(mistake))
    lines = re.findall(rf"^\*\*\*  .*{kind} (\w+) \(crash\.sys\+\w+\), acquired at "
                       rf"crash\.sys\+(\w+)$", output, re.MULTILINE)
    locks, sites = [lock for lock, _ in lines], {site for _, site in lines}
    assert len(lines) == 4 and locks[0] == locks[3] != locks[1] == locks[2], output
    assert len(sites) == (4 if mistake == "order-spinlocks" else 2), output  # of one routine


def test_a_checked_kernel_tells_of_a_stack_that_was_nearly_full():
    status, output = run(CHECKED + options("stack-nearly"))
    left = re.search(r"^\*\*\* Kernel stack: thread \d+ of drvcrash\.exe has left (\d+) of 12288 "
                     r"bytes$", output, re.MULTILINE)
    assert status == 0 and left and 0 < int(left[1]) < 12288 // 8, output


@pytest.mark.parametrize("mistake", UNNOTICED)
def test_some_mistakes_go_unnoticed(mistake):
    status, output = run(options(mistake))
    assert status == 0 and not STOP.search(output), output


def test_a_stack_trace_names_the_driver_by_offset():
    _, output = run(options("paged-read"))
    stack = output.split("Stack:\n")[1].splitlines()
    address = CULPRIT.search(output)[2]
    assert re.match(rf"  {address} crash\.sys\+", stack[0]), output
    assert any("NtDeviceIoControlFile" in line for line in stack), output


@pytest.mark.parametrize("mistake, name", [("paged-read", "DRIVER_IRQL_NOT_LESS_OR_EQUAL"),
                                           ("double-free", "BAD_POOL_CALLER")])
def test_the_screen_turns_blue_and_says_the_same(mistake, name):
    # Without the debug-exit port the machine stands still after a bug check.
    with Machine(options(mistake) + ["--append", "debugexit=0"]) as machine:
        machine.wait_for(r"NtDeviceIoControlFile.*\n")
        log = machine.log
        screen = [line.rstrip() for line in machine.screen_text()]
        attributes = machine.screen_attributes()
    assert name in screen and STOP.search(log)[0] in screen
    assert CULPRIT.search(log)[0].rstrip() in screen
    assert all(attribute == 0x1F for row in attributes for attribute in row)


def test_a_driver_is_told_of_the_stop():
    _, output = run(options("bugcheck"))
    after = output[STOP.search(output).end():]
    assert re.search(r"^crash.sys is told of the stop: 32 bytes, as it should be$", after,
                     re.MULTILINE), output


@pytest.mark.parametrize("cpus", [1, 2])
def test_an_nmi_that_a_driver_handles_goes_unnoticed_and_another_stops_the_machine(cpus):
    driver = os.path.join(BUILD, "tests", "nmitest.sys")
    with Machine(["--cpus", str(cpus), "--module", driver, "--start", "nmitest.sys",
                  "--init", "echo.exe", "--module", os.path.join(BUILD, "tests", "echo.exe"),
                  "--append", "debugexit=0"]) as machine:
        for message in "nmitest: send an NMI", "nmitest: send another":
            machine.wait_for(message)
            machine.qmp("inject-nmi")
        machine.wait_for(r"nmitest: 4 passed, 0 failed")
        assert not STOP.search(machine.log)
        machine.qmp("inject-nmi")
        machine.wait_for(r"\*\*\* STOP: 0x00000080")
