"""What brings the interrupts of devices: the I/O APIC where there is one, else the 8259s.

Seen from outside, by QEMU's monitor: which chip lets interrupts through, and that they reach their
drivers either way: the clock's, for without it nothing ends, COM1's, for echo.exe waits for what is
typed, and those that linetest.sys asks two devices for.
"""

import re

import pytest

from machine import Machine, run
from test_kernel import KERNELS
from test_programs import module

# Machines with an I/O APIC, by what QEMU is told in addition, and those without. (An MP table lists
# sockets, not cores.)
WITH = {"acpi": lambda cpus: ["--cpus", str(cpus)],
        "mp table": lambda cpus: ["--cpus", str(cpus),
                                  f"--qemu=-machine acpi=off -smp {cpus},sockets={cpus}"]}
WITHOUT = {"noapic": lambda cpus: ["--append", "noapic", "--cpus", str(cpus)],
           "no I/O APIC": lambda cpus: ["--qemu=-machine isapc"],
           "no local APIC": lambda cpus: ["--qemu=-cpu qemu32,+smep,+smap,-apic"]}
ECHO = module("tests", "echo.exe") + ["--init", "echo.exe"]
DEVICES = ["--qemu=-device edu,addr=3 -device edu,addr=5"]
CLOCK_PIN, CLOCK_VECTOR = 2, 0x30   # QEMU's machines have the clock there, not at pin 0
COM1_PIN, COM1_VECTOR = 4, 0x34


def masks(machine):
    """The masks of the 8259s, the first chip's first."""
    return [int(mask, 16) for _, mask in sorted(re.findall(r"pic(\d):.* imr=(\w\w)",
                                                           machine.monitor("info pic")))]


def open_pins(machine):
    """The I/O APIC's pins that are not masked: {pin: vector}."""
    pins = re.findall(r"^ *pin (\d+) .* vec=(\d+) (.*)$", machine.monitor("info pic"), re.MULTILINE)
    return {int(pin): int(vector) for pin, vector, rest in pins if "masked" not in rest}


def type_two_lines(machine):
    """Has echo.exe read two lines, the second one after the first has come; it ends then."""
    machine.send("first\n")
    machine.wait_for("^read: first$")
    machine.send("second\n")
    machine.wait_for("^read: second$")
    assert machine.wait_exit() == 0


@pytest.mark.parametrize("tables", WITH)
@pytest.mark.parametrize("cpus", [1, 2, 4, 8])
def test_the_io_apic_brings_the_interrupts(cpus, tables):
    with Machine(WITH[tables](cpus) + ECHO) as machine:
        machine.wait_for("^type two lines$")
        assert cpus == 1 or f"{cpus} processors" in machine.log.splitlines()
        assert masks(machine) == [0xFF, 0xFF]
        assert open_pins(machine) == {CLOCK_PIN: CLOCK_VECTOR, COM1_PIN: COM1_VECTOR}
        type_two_lines(machine)


@pytest.mark.parametrize("way, cpus", [("noapic", 1), ("noapic", 4), ("no I/O APIC", 1),
                                       ("no local APIC", 1)])
def test_without_an_io_apic_the_8259s_do(way, cpus):
    with Machine(WITHOUT[way](cpus) + ECHO) as machine:
        machine.wait_for("^type two lines$")
        assert masks(machine) == [0xFF & ~(1 << 0 | 1 << 2 | 1 << 4), 0xFF]
        assert not open_pins(machine)
        type_two_lines(machine)


@pytest.mark.parametrize("arguments", [["--memory", "16"], ["--memory", "4096"], ["--iso"],
                                       ["--iso", "--cpus", "4"], ["--iso", "--append", "noapic"]],
                         ids=" ".join)
def test_it_does_so_with_either_loader_and_any_memory(arguments):
    assert run(arguments + ["--init", "hello.exe 5"])[0] == 5


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("way, cpus", [("acpi", 1), ("acpi", 2), ("acpi", 4), ("mp table", 2),
                                       ("noapic", 1), ("noapic", 2)])
def test_lines_of_either_kind_interrupt(way, cpus, kernel):
    status, output = run(KERNELS[kernel] + module("tests", "linetest.sys") + DEVICES +
                         {**WITH, **WITHOUT}[way](cpus) +
                         ["--start", "linetest.sys", "--init", "hello.exe 7"])
    lines = output.splitlines()
    assert status == 7 and "level-triggered devices: 2" in lines, output
    assert re.search(r"^linetest: [1-9]\d* passed, 0 failed", output, re.MULTILINE), output
    if way in WITH:
        assert f"processors that a line can interrupt: {2 ** cpus - 1:x}" in lines, output
        assert lines.count("its routine was called 4 times") == 3, output
    else:
        assert "processors that a line can interrupt: 1" in lines, output


@pytest.mark.parametrize("way", ["no I/O APIC", "no local APIC"])
def test_lines_interrupt_without_apics(way):
    status, output = run(module("tests", "linetest.sys") + WITHOUT[way](1) +
                         ["--start", "linetest.sys", "--init", "hello.exe 7"])
    assert status == 7, output
    assert re.search(r"^linetest: [1-9]\d* passed, 0 failed", output, re.MULTILINE), output


@pytest.mark.parametrize("driver, cpus", [("ketest", 1), ("smptest", 1), ("smptest", 4)])
def test_drivers_see_no_difference(driver, cpus):
    status, output = run(module("tests", f"{driver}.sys") +
                         ["--append", "noapic", "--cpus", str(cpus), "--start", f"{driver}.sys",
                          "--init", "hello.exe 7"])
    assert status == 7, output
    assert re.search(rf"^{driver}: [1-9]\d* passed, 0 failed", output, re.MULTILINE), output
