"""Self-checking test drivers, loaded at boot, and the demonstration: their own verdicts."""
import pathlib
import re

import pytest

import machine

BUILD = pathlib.Path(__file__).resolve().parents[2] / "build"
KERNELS = {
    "free": [],
    "checked": ["--kernel", str(BUILD / "checked" / "upperhalf.elf")],
}


def boot(kernel, *arguments):
    return machine.run([*KERNELS[kernel], *arguments, "--timeout", "60"], timeout=90)


# With 1, 2 and 4 processors; the checked kernel, for the time that it takes, with 1 and 4.
MACHINES = [("free", 1), ("free", 2), ("free", 4), ("checked", 1), ("checked", 4)]


@pytest.mark.parametrize("kernel, cpus", MACHINES)
@pytest.mark.parametrize("driver", [
    "chaintest",
    "devtest",
    "dmatest",
    "dpctest",
    "extest",
    "fstest",
    "haltest",
    "iotest",
    "obtest",
    "irptest",
    "ketest",
    "mdltest",
    "memtest",
    "mutanttest",
    "nametest",
    "pnptest",
    "pooltest",
    "powertest",
    "proctest",
    "queuetest",
    "rest",
    "rtltest",
    "sectest",
    "sehcalls",
    "sehtest",
    "setest",
    "systest",
    "timertest",
    "waittest",
])
def test_driver_finds_nothing_wrong(driver, kernel, cpus):
    status, log = boot(kernel, "--cpus", str(cpus), "--module",
                       str(BUILD / "tests" / f"{driver}.sys"),
                       "--start", f"{driver}.sys", "--init", "hello.exe 7")
    assert status == 7, log
    assert re.search(rf"^{driver}: [1-9]\d* passed, 0 failed", log, re.M), log
    assert not re.search("^FAIL", log, re.M), log


@pytest.mark.parametrize("kernel", KERNELS)
def test_demonstration_shows_the_shared_half(kernel):
    status, log = boot(kernel)
    assert status == 0, log
    assert re.search(r"^8 processes, 8 different frames behind 00500000", log, re.M), log
    assert re.search(r"^One frame behind pool address [0-9a-f]{8} everywhere", log, re.M), log


def test_demonstration_is_the_same_under_icount():
    logs = [boot("free", "--icount") for _ in range(2)]
    assert logs[0][0] == 0, logs[0][1]
    assert logs[0] == logs[1]


def test_program_that_reads_the_console_can_be_ended():
    status, log = machine.run(["--module", str(BUILD / "tests" / "echo.exe"), "--init",
                               "echo.exe end", "--timeout", "30"], timeout=60)
    assert status == 0 and "the reader was ended" in log, log


def test_console_lines_are_edited_and_read():
    status, log = machine.run(["--module", str(BUILD / "tests" / "echo.exe"), "--init", "echo.exe",
                               "--timeout", "30"], timeout=60, typed="first\nsek\bcond\n")
    assert status == 0, log
    assert "read: first" in log and "read: second" in log, log
