"""The self-checking programs of tests/programs, each in a machine of its own.

A program prints a PASS or FAIL line for each thing that it shows, then a summary, and returns 0 if
nothing failed. Long runs are made when UPPERHALF_LONG is set (make test-long).
"""

import os
import re

import pytest

from machine import ROOT, run

BUILD = os.path.join(ROOT, "build")
CHECKED = ["--kernel", os.path.join(BUILD, "checked", "upperhalf.elf")]
LONG = bool(os.environ.get("UPPERHALF_LONG"))

long = pytest.mark.skipif(not LONG, reason="set UPPERHALF_LONG to run it")


def module(folder, *names):
    """The options that put files of build/ into the boot set."""
    options = []
    for name in names:
        options += ["--module", os.path.join(BUILD, folder, name)]
    return options


def boot_set(program):
    """What a test program needs: itself, what it starts, what both are linked with."""
    return (module("tests", *sorted({program, "crash.exe"})) +
            module("user", "ntdll.dll", "hello.exe"))


def run_program(command, *options, timeout=240):
    """Runs a test program to its end: (exit status, its lines)."""
    program = command.split()[0]
    status, output = run(boot_set(program) + ["--init", command] + list(options), timeout)
    return status, output.splitlines()


def check_passed(command, *options, timeout=240):
    """Runs a test program and looks for its own summary without a failure; returns its lines."""
    name = command.split(".")[0]
    status, lines = run_program(command, *options, timeout=timeout)
    failures = [line for line in lines if line.startswith("FAIL")]
    assert not failures, "\n".join(failures)
    summary = [line for line in lines if re.fullmatch(rf"{name}: \d+ passed, 0 failed", line)]
    assert status == 0 and len(summary) == 1, "\n".join(lines[-30:])
    return lines


def test_a_program_gets_its_arguments_and_gives_its_exit_status():
    status, output = run(module("user", "ntdll.dll", "hello.exe") +
                         ["--init", 'hello.exe 42 "two words" three'])
    assert status == 42
    assert re.search(r"^Hello from process \d+: \[hello.exe\] \[42\] \[two words\] \[three\]$",
                     output, re.MULTILINE)


@pytest.mark.parametrize("returned, status", [(0, 0), (95, 95), (200, 95)])
def test_the_first_programs_exit_status_is_that_of_the_run(returned, status):
    ended, _ = run(module("user", "ntdll.dll", "hello.exe") + ["--init", f"hello.exe {returned}"])
    assert ended == status


def test_a_first_program_that_dies_is_told_from_one_that_returns():
    status, _ = run_program("crash.exe kernel-read")
    assert status == 98


def test_each_exception_ends_its_process_with_its_status():
    check_passed("exceptions.exe")


def test_a_programs_exceptions_go_to_its_own_handlers():
    check_passed("userseh.exe")


@pytest.mark.parametrize("cpus", [1, 4])
def test_a_driver_handles_bad_user_pointers(cpus):
    check_passed("neither.exe", *module("tests", "neither.sys"), "--cpus", str(cpus))


@pytest.mark.parametrize("cpus", [1, 4])
@pytest.mark.parametrize("kernel", [[], CHECKED])
def test_an_nt_call_of_a_drivers_keeps_the_previous_mode_and_a_zw_call_does_not(kernel, cpus):
    check_passed("modes.exe", *module("tests", "modetest.sys"), "--cpus", str(cpus), *kernel)


def test_user_mode_reaches_nothing_in_the_upper_half():
    check_passed("upperhalf.exe")


def test_no_bad_pointer_gets_past_a_service():
    check_passed("badptr.exe")


@pytest.mark.parametrize("seed", [1, 2001])
def test_senseless_calls_crash_nothing_and_leave_nothing_behind(seed):
    check_passed(f"fuzz.exe {seed} 100000", timeout=600)


def test_virtual_memory_does_what_is_documented():
    check_passed("vm.exe")


@pytest.mark.parametrize("megabytes", [16, 1024])
def test_virtual_memory_does_so_on_small_and_large_machines(megabytes):
    check_passed("vm.exe", "--memory", str(megabytes))


@pytest.mark.parametrize("options", [[], ["--cpus", "2"], ["--memory", "1024"],
                                     [*CHECKED, "--cpus", "4"]])
def test_sections_are_the_same_memory_for_all_who_map_them(options):
    check_passed("sections.exe", *options)


def test_processes_leave_nothing_behind():
    check_passed("churn.exe 1000")


def test_drivers_leave_nothing_behind():
    check_passed("drvchurn.exe 200", *module("drivers", "demo.sys"))


def test_drivers_come_and_go_in_several_threads_at_once():
    check_passed("drvrace.exe", *module("drivers", "demo.sys"), *module("tests", "slowend.sys"))


def test_names_live_as_long_as_handles():
    check_passed("names.exe")


def test_programs_share_objects_and_handles():
    check_passed("objects.exe", *module("tests", "names.exe"))


def test_what_drivers_leave_behind_does_no_harm():
    check_passed("leftover.exe", *module("tests", "leftover.sys"))


def test_a_plug_and_play_driver_goes_with_its_device():
    check_passed("pnp.exe", *module("tests", "pnproot.sys"))


def test_threads_share_their_process_and_nothing_else():
    check_passed("threads.exe")


def test_files_handles_and_events():
    lines = check_passed("files.exe")
    assert "a line that files.exe has written to the console itself" in lines
    assert any(line.endswith("a line that files.exe has put on the log") for line in lines)


def test_the_same_run_gives_the_same_output():
    """Counted instructions make a run repeatable, preemptions included."""
    assert run_program("exceptions.exe", "--icount") == run_program("exceptions.exe", "--icount")


@long
def test_ten_thousand_processes_leave_nothing_behind():
    check_passed("churn.exe 10000", timeout=3600)


@long
def test_ten_thousand_loads_of_a_driver_leave_nothing_behind():
    check_passed("drvchurn.exe 10000", *module("drivers", "demo.sys"), timeout=3600)


@long
@pytest.mark.parametrize("seed", range(10000, 60000, 10000))
def test_a_million_senseless_calls(seed):
    check_passed(f"fuzz.exe {seed} 1000000", timeout=3600)


@long
def test_thousands_of_addresses_in_the_upper_half():
    check_passed("upperhalf.exe 7 1000", timeout=3600)
