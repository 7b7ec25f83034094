"""The serial driver, serial.sys: the program serial.exe, and who is at the other end of a line."""

import re
import socket
import threading

import pytest

import machine
from test_programs import module

KERNELS = {"free": [], "checked": ["--kernel", machine.ROOT + "/build/checked/upperhalf.elf"]}


def options(command, where):
    """A machine with the driver, whose first program is serial.exe."""
    return ["--start", "serial.sys", "--init", command, "--com2", str(where),
            *module("tests", "serial.exe")]


def connect(vm, path):
    """The other end of the line."""
    vm.wait_for_socket(str(path))
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(machine.PATIENCE)
    line.connect(str(path))
    return line


def echo(line):
    """Sends back what comes, until the machine has ended."""
    try:
        while data := line.recv(65536):
            line.sendall(data)
    except OSError:
        pass


def check(vm):
    """The program's own verdict."""
    status = vm.wait_exit(timeout=240)
    assert "FAIL" not in vm.log and status == 0, vm.log
    assert re.search(r"^serial: [1-9]\d* passed, 0 failed", vm.log, re.M), vm.log


@pytest.mark.parametrize("kernel, cpus", [("free", 1), ("free", 2), ("checked", 1), ("checked", 4)])
def test_a_line_works_both_ways_with_time_outs_and_cancelling(tmp_path, kernel, cpus):
    path = tmp_path / "com2"
    with machine.Machine(options("serial.exe", path) + KERNELS[kernel] +
                         ["--cpus", str(cpus)]) as vm, connect(vm, path) as line:
        other_end = threading.Thread(target=echo, args=[line])
        other_end.start()
        check(vm)
        other_end.join()


@pytest.mark.parametrize("kernel, cpus", [("free", 2), ("checked", 1)])
def test_writes_that_nobody_takes_end_by_time_out_or_cancelling(tmp_path, kernel, cpus):
    path = tmp_path / "com2"
    with machine.Machine(options("serial.exe blocked", path) + KERNELS[kernel] +
                         ["--cpus", str(cpus)]) as vm, connect(vm, path):
        check(vm)


def test_what_is_sent_is_in_the_file(tmp_path):
    path = tmp_path / "sent"
    status, log = machine.run(options("serial.exe send hello", f"file:{path}"))
    assert status == 0, log
    assert path.read_bytes() == b"hello\n"


def test_without_a_port_the_driver_is_not_loaded():
    status, log = machine.run(["--start", "serial.sys", "--init", "hello.exe 3"])
    assert status == 3 and "serial.sys is not loaded (status c000000e)" in log, log


def test_a_port_that_cannot_be_is_refused(tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("")
    for where in taken, tmp_path / "missing" / "socket", f"file:{tmp_path}/missing/file":
        status, log = machine.run(options("hello.exe", where))
        assert status == 2 and log == ""
