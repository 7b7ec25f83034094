"""Driver Verifier: crash.sys makes its mistakes under it, and good drivers run as ever."""

import os
import re

import pytest

from machine import run
from test_bugchecks import (ANY, BUILD, DISPATCH, GOOD_TAG, IMAGES, NAMES, NONPAGED, PAGED,
                            PASSIVE, STATUS_BUG_CHECK, STOP, agrees, options)
from test_disk import write_image
from test_programs import check_passed, long, module

VERIFY = ["--append", "verify=crash.sys"]
CODE = IMAGES  # the driver's, as far as a number can tell

# Mistake: code, four parameters, what is said of it in words. WDK: Bug Check 0xC1, 0xC4, 0xC9 ...
FOUND = {
    "after-free": (0xD5, (IMAGES, 0, CODE, 0), ""),
    "beyond": (0xD6, (IMAGES, 1, CODE, 0), ""),
    "behind": (0xC1, (IMAGES, IMAGES, 37, 0x24), "memory behind an allocation"),
    "before": (0xC1, (IMAGES, IMAGES, 40, 0x23), "memory before an allocation"),
    "free-again": (0xC4, (0x13, IMAGES, GOOD_TAG, 0), "freed for the second time"),
    "leak": (0xC4, (0x62, NONPAGED, 0, 1), "has not freed all pool"),
    "paged-allocate": (0xC4, (1, DISPATCH, 1, 40), "allocated above APC_LEVEL"),
    "paged-free": (0xC4, (0x11, DISPATCH, 1, IMAGES), "freed above APC_LEVEL"),
    "paged-resident": (0xD1, (PAGED, DISPATCH, 0, CODE), ""),
    "raise-lower": (0xC4, (0x30, DISPATCH, PASSIVE, 0), "KeRaiseIrql to a lower IRQL"),
    "lower-higher": (0xC4, (0x31, PASSIVE, DISPATCH, 0), "KeLowerIrql to a higher IRQL"),
    "spinlock-passive": (0xC4, (0x40, PASSIVE, CODE, 0), "but IRQL is below"),
    "return-dispatch": (0xC9, (5, NONPAGED, PASSIVE, DISPATCH), "returns at another IRQL"),
    "irp-complete": (0xC9, (6, 0x103, NONPAGED, 0), "completed with STATUS_PENDING"),
    "irp-unmarked": (0xC9, (0x23D, CODE, NONPAGED, NONPAGED), "not marked pending"),
    "irp-marked": (0xC9, (0x23E, CODE, NONPAGED, NONPAGED), "another status is returned"),
}


def check_stop(output, code, parameters, said):
    numbers = [int(number, 16) for number in STOP.search(output).groups()]
    assert numbers[0] == code and NAMES[code] in output.splitlines(), output
    for number, (value, expected) in enumerate(zip(numbers[1:], parameters), 1):
        assert agrees(value, expected, ANY), f"parameter {number} is {value:08x}:\n{output}"
    assert re.search(rf"^Driver Verifier: .*{said}", output, re.MULTILINE) or not said, output


@pytest.mark.parametrize("mistake", FOUND)
def test_a_mistake_is_found_where_it_is_made(mistake):
    status, output = run(options(mistake) + VERIFY)
    assert status == STATUS_BUG_CHECK, output
    check_stop(output, *FOUND[mistake])


def test_what_is_written_before_an_allocation_can_fault_instead():
    _, output = run(options("before") + VERIFY + ["--append", "verifyunder"])
    check_stop(output, 0xD6, (IMAGES, 1, CODE, 0), "")


def test_a_leak_is_told_with_its_tag_and_where_it_was_allocated():
    _, output = run(options("leak") + VERIFY)
    assert re.search(r"^Verifier: crash.sys has left 40 bytes at \w+, tag GooD, allocated at \+\w+",
                     output, re.MULTILINE), output


def test_another_driver_is_not_verified():
    status, output = run(options("behind") + ["--append", "verify=demo.sys"])
    assert status == 0 and "Verifier" not in output, output


@pytest.mark.parametrize("cpus", [1, 4])
@pytest.mark.parametrize("driver", ["iotest", "extest", "mdltest"])
def test_drivers_that_keep_the_rules_notice_nothing(driver, cpus):
    status, output = run(["--module", os.path.join(BUILD, "tests", f"{driver}.sys"), "--start",
                          f"{driver}.sys", "--init", "hello.exe 7", "--append", "verify=*",
                          "--cpus", str(cpus)])
    assert status == 7, output
    assert re.search(rf"^{driver}: \d+ passed, 0 failed", output, re.MULTILINE), output


@pytest.mark.parametrize("cpus", [1, 4])
def test_requests_go_on_under_it(cpus):
    check_passed("pend.exe", "--cpus", str(cpus), "--append", "verify=pend.sys",
                 *module("tests", "pend.sys"))


# The drivers of drivers/, each with what uses it; and options of the machine.
USERS = {
    "demo": ["--init", "demo.exe"],
    "null": ["--init", "null.exe"],
    "filter": ["--init", "filter.exe"],
    "csq": ["--init", "csq.exe"],
    "transfer": ["--init", "transfer.exe"],
    "ide": ["--start", "ide.sys", "--init", "disk.exe", *module("tests", "disk.exe")],
    "serial": ["--start", "serial.sys", "--init", "serial.exe send x",
               *module("tests", "serial.exe")],
    "keyboard": ["--start", "keyboard.sys", "--init", "hello.exe 0"],
}


def sample():
    """Which request in how many is to fail: for all drivers in long runs, else a few each."""
    return [pytest.param(driver, every, marks=() if every in (1, 3 + place, 13) else long)
            for place, driver in enumerate(USERS) for every in range(1, 17)]


@pytest.mark.parametrize("driver, every", sample())
def test_a_driver_whose_requests_for_memory_fail_says_so_and_leaks_nothing(driver, every, tmp_path):
    """The n-th fails, all the time, while the driver loads, works and is unloaded."""
    options_ = ["--append", f"verify={driver}.sys", "--append", f"verifyfail={every}"]
    if driver == "ide":
        options_ += ["--disk", write_image(tmp_path / "disk.img")]
    if driver == "serial":
        options_ += ["--com2", f"file:{tmp_path}/sent"]
    status, output = run(USERS[driver] + options_)
    assert status in (0, 1) and not STOP.search(output), output
    assert f"Verifier: {driver}.sys is verified" in output, output
    if every == 1:
        assert re.search(r"c000009a|STATUS_INSUFFICIENT_RESOURCES", output, re.I), output
