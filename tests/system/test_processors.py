"""Several processors: the demonstration, test drivers and programs, on 2 to 8 of them.

What processors do with one another is checked here; that what holds with one processor holds with
several, too, by test_kernel.py.
"""

import re

import pytest

from machine import ROOT, run
from test_kernel import KERNELS
from test_programs import check_passed, module

LAST_LINE = re.compile(r"One frame behind pool address \w+ .*: the upper half is shared\.")


@pytest.mark.parametrize("cpus", [2, 4, 8])
def test_the_demonstration_runs_on_all_processors(cpus):
    status, output = run(["--cpus", str(cpus)])
    lines = output.splitlines()
    assert status == 0 and LAST_LINE.fullmatch(lines[-1]), output
    assert f"{cpus} processors" in lines
    each = re.findall(r"^Processor (\d): +(\d+) switches, +(\d+) loads of CR3, +(\d+) DPCs, "
                      r"pool frame (\w+)$", output, re.MULTILINE)
    assert [int(number) for number, *_ in each] == list(range(cpus)), output
    assert all(int(loads) and int(dpcs) for _, _, loads, dpcs, _ in each), output
    assert len({frame for *_, frame in each}) == 1, output


def test_an_option_limits_the_number_of_processors():
    status, output = run(["--cpus", "4", "--append", "numproc=2", "--init", "hello.exe 5"])
    assert status == 5 and "2 processors" in output.splitlines(), output


def test_one_processor_is_left_with_its_old_interrupt_controller():
    status, output = run(["--init", "hello.exe 5"])
    assert status == 5 and "processors" not in output, output


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_processors_work_together(cpus, kernel):
    status, output = run(KERNELS[kernel] + module("tests", "smptest.sys") +
                         ["--cpus", str(cpus), "--start", "smptest.sys", "--init", "hello.exe 7"])
    assert status == 7, output
    assert re.search(r"^smptest: [1-9]\d* passed, 0 failed", output, re.MULTILINE), output


@pytest.mark.parametrize("command", ["shootdown.exe", "threads.exe", "names.exe", "vm.exe",
                                     "churn.exe 300", "drvrace.exe 20", "exceptions.exe",
                                     "fuzz.exe 7 20000"])
def test_programs_find_nothing_wrong(command):
    check_passed(command, "--cpus", "4", *module("drivers", "demo.sys"),
                 *module("tests", "slowend.sys"))


def test_a_bug_check_stops_all_processors():
    status, output = run(["--cpus", "4", "--module", f"{ROOT}/build/tests/crash.sys", "--module",
                          f"{ROOT}/build/tests/drvcrash.exe", "--init",
                          "drvcrash.exe null", "--start", "crash.sys"])
    assert status == 97 and output.count("*** STOP") == 1, output
