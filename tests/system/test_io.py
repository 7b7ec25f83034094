"""The I/O manager, as programs and the log show it. (Its routines: irptest.sys and iotest.sys.)"""

import pytest

from test_kernel import BUILD, KERNELS, boot
from test_programs import LONG, check_passed, module

RACE_SECONDS = 60 if LONG else 6


@pytest.mark.parametrize("cpus", [1, 4])
def test_requests_that_are_not_waited_for(cpus):
    check_passed("pend.exe", "--cpus", str(cpus), *module("tests", "pend.sys"))


def test_reinitialisation_error_log_and_shutdown_reach_the_log():
    _, log = boot("free", "--module", str(BUILD / "tests" / "iotest.sys"),
                  "--start", "iotest.sys", "--init", "hello.exe 7")
    lines = log.splitlines()
    first = lines.index("iotest: reinitialised first, 1")
    assert lines[first + 1:first + 3] == ["iotest: reinitialised 2", "iotest: reinitialised 3"]
    assert any(line.startswith(r"Io: error log: \Driver\iotest: error c000009c") for line in lines)
    item = lines.index("iotest: shutdown item, event 1, another item c00002eb")
    assert lines.count("shutdown") == 1 and lines.index("shutdown") > item
    assert lines.index("shutdown") > next(i for i, line in enumerate(lines) if "Hello" in line)


@pytest.mark.parametrize("kernel", ["free", "checked"])
def test_opens_reads_cancels_closes_and_unloads_race(kernel):
    check_passed(f"iorace.exe 1 {RACE_SECONDS}", "--cpus", "4", *KERNELS[kernel],
                 *module("tests", "pend.sys"))
