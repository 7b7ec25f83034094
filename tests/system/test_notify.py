"""What drivers are told of processes, threads and images: pstest.sys and notify.exe."""
import re

import pytest

from test_kernel import MACHINES, boot
from test_programs import boot_set, module

OPTIONS = [*boot_set("notify.exe"), *module("tests", "pstest.sys", "leftover.sys"),
           "--start", "pstest.sys", "--init", "notify.exe"]


@pytest.mark.parametrize("kernel, cpus", MACHINES)
def test_drivers_are_told_and_may_refuse(kernel, cpus):
    status, log = boot(kernel, "--cpus", str(cpus), *OPTIONS)
    assert re.search(r"^pstest: [1-9]\d* passed, 0 failed", log, re.M), log
    assert re.search(r"^notify: [1-9]\d* passed, 0 failed", log, re.M), log
    assert status == 0, log


def test_a_drivers_routines_are_called_in_order_and_in_the_right_thread():
    _, log = boot("free", *OPTIONS)
    lines = [line for line in log.splitlines() if line.startswith(("process ", "image ", "Hello"))]
    hello = next(i for i, line in enumerate(lines) if "[hello.exe 3]" in line)
    lines = lines[hello:]
    program = r"\SystemRoot\hello.exe"
    assert lines[0] == f"process with more to say: {program}, [hello.exe 3], complete, by its maker"
    assert lines[1:4] == ["process begins, told by its parent, found: yes",
                          f"image {program} in its process: yes, user",
                          r"image \SystemRoot\ntdll.dll in its process: yes, user"]
    assert lines[4].startswith("Hello from process")
    assert lines[5:7] == ["process with more to say ends: it is the one",
                          "process ends, told by its own thread, found: yes"]
    assert "[hello.exe veto]" in lines[7]
    assert [line for line in lines[8:11] if line.startswith("image")] == []
