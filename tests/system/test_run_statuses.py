"""How tools/run ends: what it makes of a machine's end, and that it leaves nothing behind.

The kernel here is a probe of some 60 bytes, made on the spot: a Multiboot header, code that prints
its own command line on COM1, and a last act that each test chooses.
"""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios

import pytest

from machine import PATIENCE, RUN

LOAD_ADDRESS = 0x100000
ENTRY = LOAD_ADDRESS + 32

# mov esi,[ebx+16] / mov dx,0x3f8 / next: lodsb / test al,al / jz done / out dx,al / jmp next
# EBX holds the Multiboot information, whose offset 16 is the command line's address.
PRINT_COMMAND_LINE = bytes.fromhex("8b7310 66baf803 ac 84c0 7403 ee ebf8")
PRINT_LINE_END = bytes.fromhex("b00a ee")                       # mov al,10 / out dx,al
WAIT_FOR_EVER = bytes.fromhex("f390 ebfc")                      # pause / jmp back
TRIPLE_FAULT = bytes.fromhex("0f011d") + struct.pack("<I", LOAD_ADDRESS + 28) + b"\xcc"


def debug_exit(value):
    """mov eax,value / out 0xf4,eax: ends QEMU with (value << 1) | 1."""
    return b"\xb8" + struct.pack("<I", value) + b"\xe7\xf4" + WAIT_FOR_EVER


def probe(last_act):
    """A whole kernel. Flag bit 16: the addresses are in the header, so the file needs no format."""
    magic, flags = 0x1BADB002, 0x10003
    header = struct.pack("<8I", magic, flags, -(magic + flags) & 0xFFFFFFFF, LOAD_ADDRESS,
                         LOAD_ADDRESS, 0, 0, ENTRY)
    return header + PRINT_COMMAND_LINE + PRINT_LINE_END + last_act


@pytest.fixture(name="command")
def fixture_command(tmp_path):
    """Makes the command line of a tools/run that boots a probe with a given last act."""
    # A folder whose name has what QEMU would split at: the modules' own names are what counts.
    folder = tmp_path / "odd, folder"
    folder.mkdir()
    for name in "demo.sys", "demo.exe":
        (folder / name).write_bytes(b"module")
    (folder / "bootset").write_text(f"{folder}/demo.sys\n{folder}/demo.exe\n")

    def make(last_act, *arguments):
        (folder / "kernel").write_bytes(probe(last_act))
        return [sys.executable, RUN, "--kernel", str(folder / "kernel"),
                "--bootset", str(folder / "bootset")] + list(arguments)
    return make


def finish(command, **options):
    """Runs it to its end: (status, standard output, standard error)."""
    result = subprocess.run(command, stdin=options.pop("stdin", subprocess.DEVNULL), check=False,
                            capture_output=True, text=True, timeout=PATIENCE, **options)
    return result.returncode, result.stdout, result.stderr


@pytest.mark.parametrize("value, status", [
    (0x10, 0), (0x11, 1), (0x12, 2), (0x6F, 95), (0x70, 97), (0x71, 98), (0x72, 97)])
def test_the_kernels_result_is_the_exit_status(command, value, status):
    ended, _, errors = finish(command(debug_exit(value)))
    assert (ended, errors) == (status, "")


@pytest.mark.parametrize("value", [0x00, 0x0F, 0x73])
def test_a_result_the_kernel_never_gives_is_an_error(command, value):
    ended, _, errors = finish(command(debug_exit(value)))
    assert ended == 2 and "failed" in errors


def test_a_triple_fault_is_not_a_success(command):
    ended, _, errors = finish(command(TRIPLE_FAULT))
    assert ended == 96 and "reset" in errors and len(errors.splitlines()) == 1


def test_the_time_limit_ends_the_machine(command):
    ended, output, errors = finish(command(WAIT_FOR_EVER, "--timeout", "1"))
    assert ended == 124 and output.startswith("upperhalf.elf ")
    assert errors == "tools/run: time limit of 1 s\n"


def test_the_demonstration_is_the_default(command):
    _, output, _ = finish(command(debug_exit(0x10)))
    assert output == "upperhalf.elf init=demo.exe start=demo.sys debugexit=0xf4\n"


def test_an_init_program_alone_starts_no_driver(command):
    _, output, _ = finish(command(debug_exit(0x10), "--init", "demo.exe 8"))
    assert output == 'upperhalf.elf "init=demo.exe 8" debugexit=0xf4\n'


def test_grub_and_qemu_give_the_kernel_the_same_command_line(command):
    words = ["--init", r"""demo.exe "a b" c\d 'e' $f""", "--append", "x,y", "--append", r'"\$z;{#}']
    direct = finish(command(debug_exit(0x15), *words))
    assert direct[0] == 5 and len(direct[1].splitlines()) == 1
    assert direct == finish(command(debug_exit(0x15), "--iso", *words))


def test_counted_instructions_and_several_processors_can_be_had_together(command):
    machine = ["--icount", "--cpus", "8", "--memory", "4096"]
    assert finish(command(debug_exit(0x10), *machine))[::2] == (0, "")


def test_a_closed_standard_input_does_no_harm(command):
    started = command(debug_exit(0x13))
    quoted = subprocess.list2cmdline(started[:2])
    ended, _, errors = finish(["sh", "-c", f'exec {quoted} "$@" <&-', "sh"] + started[2:])
    assert (ended, errors) == (3, "")


def qemu_of(process):
    """The process number of the QEMU that a tools/run has started."""
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as children:
        return int(children.read())


def is_running(number):
    """Whether the process exists and has not ended."""
    try:
        with open(f"/proc/{number}/stat", encoding="ascii") as text:
            return not re.search(r"\) [ZX]", text.read())
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number, status", [
    (signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGQUIT, 131)])
def test_a_signal_ends_the_machine_and_leaves_nothing(command, tmp_path, number, status):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with subprocess.Popen(command(WAIT_FOR_EVER), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          stdout=subprocess.PIPE, env=dict(os.environ, TMPDIR=str(scratch))) as run:
        assert run.stdout.readline().startswith(b"upperhalf.elf")
        qemu = qemu_of(run)
        run.send_signal(number)
        assert run.wait(PATIENCE) == status
        assert run.stderr.read() == b""
    assert not is_running(qemu)
    assert not list(scratch.iterdir())


def test_qemu_does_not_outlive_a_killed_run(command, tmp_path):
    with subprocess.Popen(command(WAIT_FOR_EVER), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          env=dict(os.environ, TMPDIR=str(tmp_path))) as run:
        assert run.stdout.readline().startswith(b"upperhalf.elf")
        qemu = os.pidfd_open(qemu_of(run))
        run.kill()
    # A process descriptor becomes readable when the process ends (pidfd_open(2)).
    ended, _, _ = select.select([qemu], [], [], PATIENCE)
    os.close(qemu)
    assert ended


def test_the_terminal_is_as_it_was(command):
    ours, theirs = pty.openpty()
    try:
        before = termios.tcgetattr(theirs)
        with subprocess.Popen(command(WAIT_FOR_EVER), stdin=theirs, stdout=subprocess.PIPE,
                              start_new_session=True) as run:
            assert run.stdout.readline().startswith(b"upperhalf.elf")
            assert termios.tcgetattr(theirs) != before
            run.terminate()
            assert run.wait(PATIENCE) == 143
        assert termios.tcgetattr(theirs) == before
    finally:
        os.close(ours)
        os.close(theirs)


def test_what_is_typed_reaches_the_machine_however_much(command):
    # wait: in al,dx+5 / test al,1 / jz wait, then in al,dx / out dx,al / cmp al,'q' / jne wait
    echo = bytes.fromhex("66bafd03 ec a801 74f7 66baf803 ec ee 3c71 75ed") + debug_exit(0x14)
    typed = b"x" * 100000 + b"q"
    result = subprocess.run(command(echo), input=typed, capture_output=True, timeout=PATIENCE,
                            check=False)
    assert result.returncode == 4
    assert result.stdout.endswith(typed)


def test_nobody_reading_the_output_ends_the_machine(command):
    with subprocess.Popen(command(b"\xb0\x78" + bytes.fromhex("ee ebfd")), stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as run:
        run.stdout.readline()
        run.stdout.close()
        assert run.wait(PATIENCE) == 128 + signal.SIGPIPE
        assert run.stderr.read() == b""
