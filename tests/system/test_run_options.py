"""tools/run refuses what it cannot do: status 2 and one line on standard error, before QEMU starts.

Nothing here needs the kernel: where tools/run must get past its checks, empty files stand in.
"""

import os
import subprocess
import sys

import pytest

from machine import PATIENCE, RUN


@pytest.fixture(name="files")
def fixture_files(tmp_path):
    """A stand-in kernel, and a boot set of two stand-in modules."""
    for name in "kernel", "demo.sys", "demo.exe":
        (tmp_path / name).write_bytes(b"")
    names = [str(tmp_path / "demo.sys"), str(tmp_path / "demo.exe")]
    (tmp_path / "bootset").write_text("\n".join(names) + "\n")
    return tmp_path


def refusal(files, *arguments, **environment):
    """Runs tools/run with a stand-in boot set; checks that it refuses, and returns its one line."""
    command = [sys.executable, RUN, "--kernel", str(files / "kernel"),
               "--bootset", str(files / "bootset")] + list(arguments)
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            env=dict(os.environ, **environment), timeout=PATIENCE, check=False)
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("tools/run: ")
    return lines[0]


@pytest.mark.parametrize("arguments", [
    ["--memory", "3"], ["--memory", "4097"], ["--memory", "64M"], ["--memory", "-1"],
    ["--memory", ""], ["--memory", "6.5"], ["--memory"],
    ["--cpus", "0"], ["--cpus", "9"], ["--cpus", "two"],
    ["--icount=11"], ["--icount=auto"], ["--timeout", "-1"], ["--timeout", "soon"],
    ["--unknown"], ["--mem", "64"], ["stray"], ["--module"], ["--init"], ["--init", " "],
])
def test_a_wrong_option_is_refused(files, arguments):
    assert arguments[0].split("=")[0] in refusal(files, *arguments)


def test_a_missing_kernel_is_named(files):
    assert "nosuch.elf" in refusal(files, "--kernel", str(files / "nosuch.elf"))


def test_a_missing_boot_set_is_named(files):
    assert "nosuch" in refusal(files, "--bootset", str(files / "nosuch"))


def test_a_listed_module_that_was_not_built_is_named(files):
    (files / "demo.sys").unlink()
    assert "demo.sys: no such file" in refusal(files)


def test_a_missing_module_is_named(files):
    assert "nosuch.sys: no such file" in refusal(files, "--module", str(files / "nosuch.sys"))


def test_a_directory_is_not_a_module(files):
    (files / "folder.sys").mkdir()
    assert "folder.sys" in refusal(files, "--module", str(files / "folder.sys"))


@pytest.mark.parametrize("name", ["with blank.sys", "comma,.sys", "quote'.sys", "ä.sys",
                                  "line\nend.sys", "x" * 60 + ".sys"])
def test_a_module_name_that_a_loader_would_change_is_refused(files, name):
    (files / name).write_bytes(b"")
    assert "module's name" in refusal(files, "--module", str(files / name))


def test_a_driver_to_start_must_be_in_the_boot_set(files):
    assert "other.sys is not in the boot set" in refusal(files, "--start", "other.sys")


def test_the_first_program_must_be_in_the_boot_set(files):
    assert "other.exe is not in the boot set" in refusal(files, "--init", "other.exe 1 2")


def test_the_demonstration_must_be_in_the_boot_set(files):
    (files / "bootset").write_text(str(files / "demo.exe") + "\n")
    assert "demo.sys is not in the boot set" in refusal(files)


@pytest.mark.parametrize("name", ["demo.sys", "DEMO.SYS"])
def test_two_files_of_one_name_are_refused(files, name):
    (files / "mine").mkdir()
    (files / "mine" / name).write_bytes(b"")
    assert name in refusal(files, "--module", str(files / "mine" / name))


@pytest.mark.parametrize("word", ["", "two\nlines", "tab\tbed"])
def test_a_kernel_option_that_is_no_word_is_refused(files, word):
    assert "kernel option" in refusal(files, "--append", word)


def test_a_missing_disk_is_named(files):
    assert "nosuch.img: no such file" in refusal(files, "--disk", str(files / "nosuch.img"))


@pytest.mark.parametrize("option", ["--gdb", "--qmp"])
def test_a_socket_does_not_replace_a_file(files, option):
    (files / "precious").write_bytes(b"kept")
    assert "precious" in refusal(files, option, str(files / "precious"))
    assert (files / "precious").read_bytes() == b"kept"


def test_a_socket_path_that_is_too_long_is_refused(files):
    assert "socket" in refusal(files, "--qmp", str(files / ("x" * 120)))


def test_a_missing_emulator_is_named(files):
    assert "qemu-system-i386 not found" in refusal(files, PATH=str(files))


def test_a_missing_image_maker_is_named(files):
    (files / "qemu-system-i386").write_text("#!/bin/sh\n")
    (files / "qemu-system-i386").chmod(0o755)
    assert "grub-mkrescue not found" in refusal(files, "--iso", PATH=str(files))


def test_help_needs_nothing_and_names_every_exit_status():
    result = subprocess.run([sys.executable, RUN, "--help"], capture_output=True, text=True,
                            timeout=PATIENCE, check=True)
    for status in "0-95", "96", "97", "98", "124", "130":
        assert status in result.stdout
