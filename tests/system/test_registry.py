"""The registry: its test drivers and program, and the .reg files of a boot set."""
import re

import pytest

from machine import run
from test_kernel import BUILD, MACHINES, boot
from test_programs import check_passed, module

HEADER = "Windows Registry Editor Version 5.00\n\n"
PARAMETERS = r"[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\cmtest\Parameters]" + "\n"


@pytest.mark.parametrize("kernel, cpus", MACHINES)
@pytest.mark.parametrize("driver", ["cmtest", "cmquery", "regfilter"])
def test_driver_finds_nothing_wrong(driver, kernel, cpus):
    status, log = boot(kernel, "--cpus", str(cpus), "--module",
                       str(BUILD / "tests" / f"{driver}.sys"),
                       "--start", f"{driver}.sys", "--init", "hello.exe 7")
    assert status == 7, log
    assert re.search(rf"^{driver}: [1-9]\d* passed, 0 failed", log, re.M), log


def test_programs_use_keys_by_handles_and_load_drivers_by_keys():
    check_passed("registry.exe", *module("tests", "leftover.sys"))


def boot_with(tmp_path, *texts):
    """cmtest.sys, which says what is in its Parameters, after these .reg files."""
    options = []
    for number, text in enumerate(texts):
        file = tmp_path / f"settings{number}.reg"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        options += ["--module", str(file)]
    return run(options + ["--module", str(BUILD / "tests" / "cmtest.sys"), "--start", "cmtest.sys",
                          "--init", "hello.exe 7"])


@pytest.mark.parametrize("encode", [str.encode, lambda text: text.encode("utf-16")],
                         ids=["utf-8", "utf-16"])
def test_a_driver_finds_what_a_reg_file_has_set(tmp_path, encode):
    text = HEADER + PARAMETERS + '"Limit"=dword:0000abcd\n"Depth"=hex(4):01,02,\\\n  03,04\n'
    status, log = boot_with(tmp_path, encode(text))
    assert status == 7, log
    assert "Parameters: Limit 0000abcd, Depth 04030201" in log.splitlines()


def test_later_reg_files_change_and_delete_what_earlier_ones_set(tmp_path):
    first = HEADER + PARAMETERS + '"Limit"=dword:1\n"Depth"=dword:2\n'
    second = "REGEDIT4\n\n" + PARAMETERS + '"Limit"=-\n"Depth"=dword:3\n'
    third = HEADER + "[-" + PARAMETERS[1:]
    _, log = boot_with(tmp_path, first, second)
    assert "Parameters: Limit ffffffff, Depth 00000003" in log.splitlines()
    _, log = boot_with(tmp_path, first, third)
    assert "Parameters:" not in log


@pytest.mark.parametrize("text, line, reason", [
    ("REGEDIT5\n", 1, "the first line is neither REGEDIT4 nor"),
    (HEADER + PARAMETERS + '"Limit"=dword:7\n"Depth"=word:1\n', 5, "a value is a text in quotes"),
    (HEADER + PARAMETERS + '"Limit"=dword:7\n[HKEY_CLASSES_ROOT\\x]\n', 5,
     "a key begins with HKEY_LOCAL_MACHINE or HKEY_USERS"),
])
def test_a_mistake_in_a_reg_file_is_named_with_its_line(tmp_path, text, line, reason):
    status, log = boot_with(tmp_path, text)
    assert status == 7, log
    assert re.search(rf"^Cm: settings0\.reg, line {line}: {reason}", log, re.M), log


@pytest.mark.parametrize("mistake", ['"Depth"=word:1', r"[HKEY_CLASSES_ROOT\x]"])
def test_a_reg_file_with_a_mistake_sets_nothing(tmp_path, mistake):
    _, log = boot_with(tmp_path, HEADER + PARAMETERS + '"Limit"=dword:7\n' + mistake + "\n")
    assert "Parameters: Limit ffffffff, Depth ffffffff" in log.splitlines()
