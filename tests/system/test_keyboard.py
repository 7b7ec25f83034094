"""The keyboard driver, keyboard.sys: the program keyboard.exe, and keys that QEMU presses."""

import re

import pytest

import machine
from test_programs import module

KERNELS = {"free": [], "checked": ["--kernel", machine.ROOT + "/build/checked/upperhalf.elf"]}


def options(command):
    """A machine with the driver, whose first program is keyboard.exe."""
    return ["--start", "keyboard.sys", "--init", command, *module("tests", "keyboard.exe")]


def press(vm, key, *moves):
    """Presses (True) or releases a key, by QEMU's name for it."""
    for down in moves or (True, False):
        vm.qmp("input-send-event", events=[{
            "type": "key", "data": {"down": down, "key": {"type": "qcode", "data": key}}}])


@pytest.mark.parametrize("kernel, cpus", [("free", 1), ("free", 2), ("checked", 1), ("checked", 4)])
def test_keys_are_read_as_they_are_pressed(kernel, cpus):
    with machine.Machine(options("keyboard.exe") + KERNELS[kernel] + ["--cpus", str(cpus)]) as vm:
        vm.wait_for("^ready")
        press(vm, "a")
        vm.wait_for(r"^key 1e down\nkey 1e up$")
        press(vm, "shift", True)
        press(vm, "f12")
        press(vm, "shift", False)
        vm.wait_for(r"^key 2a down\nkey 58 down\nkey 58 up\nkey 2a up$")
        press(vm, "right")
        press(vm, "ctrl_r")
        vm.wait_for(r"^key 4d down E0\nkey 4d up E0\nkey 1d down E0\nkey 1d up E0$")
        press(vm, "pause", True)
        vm.wait_for(r"^key 1d down E1\nkey 45 down$")
        press(vm, "esc")
        assert vm.wait_exit() == 0, vm.log
        assert "FAIL" not in vm.log, vm.log
        assert re.search(r"^keyboard: [1-9]\d* passed, 0 failed", vm.log, re.M), vm.log


def test_keys_that_nobody_reads_are_kept_as_far_as_there_is_room():
    with machine.Machine(options("keyboard.exe many")) as vm:
        vm.wait_for("^ready")
        for _ in range(60):
            press(vm, "a", True)
            press(vm, "a", False)
        vm.send("go\n")
        vm.wait_for("^keys: 100$")
