"""GDB on the kernel: the session in docs/gdb.md, and what tools/debug and its commands promise.

Run as a program, this types the session again and puts what came out into docs/gdb.md.
"""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from machine import PATIENCE, ROOT, decode

DEBUG = os.path.join(ROOT, "tools", "debug")
DOCUMENT = os.path.join(ROOT, "docs", "gdb.md")
SESSION = re.compile(r"(<!-- session -->\n```\n)(.*?)(```\n<!-- end of session -->)", re.DOTALL)
PROMPT = "(gdb) "

# What the document has us type.
COMMANDS = ["tbreak Spin", "continue", "uh process", "x/wx 0x500000",
            "tbreak DemoTouchResident", "continue", "bt", "uh process", "uh irql",
            "uh watch 0x500000 Device->Resident Device->Text",
            "uh pte 0x500000", "uh pte Device->Text",
            "uh switch user", "uh step 7", "bt", "uh step 5", "uh step", "uh process"]

WHOLE_RUN = 300


def debug(commands, options=(), timeout=WHOLE_RUN):
    """Types commands in tools/debug: (exit status, all that was printed)."""
    typed = [argument for command in commands for argument in ("-ex", command)]
    result = subprocess.run([sys.executable, DEBUG] + list(options) + ["--", "-nx", "-batch"] + typed,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=timeout, check=False)
    return result.returncode, decode(result.stdout)


def type_session(commands, options=()):
    """What a terminal would show: each command behind a prompt, then what it printed."""
    shown = []
    for command in commands:
        shown += [f"echo \\n{PROMPT}{command}\\n", command]
    _, output = debug(shown, options)
    return output[output.index(PROMPT):]


def answers(text):
    """The commands of a session and what each one printed, in order."""
    parts = re.split(r"^\(gdb\) (.*)\n", text, flags=re.MULTILINE)[1:]
    return list(zip(parts[0::2], parts[1::2]))


def documented_commands():
    """What the document types."""
    with open(DOCUMENT, encoding="utf-8") as text:
        session = SESSION.search(text.read()).group(2)
    return [command for command, _ in answers(session)]


def record():
    """Types the session and puts it into the document."""
    session = re.sub(r"\n\n+(?=\(gdb\))", "\n", type_session(COMMANDS)).strip()
    session = re.sub(r"\n?\[Inferior 1 .*", "", session) + "\n"
    with open(DOCUMENT, encoding="utf-8") as text:
        old = text.read()
    with open(DOCUMENT, "w", encoding="utf-8") as text:
        text.write(SESSION.sub(lambda match: match.group(1) + session + match.group(3), old))


# --- the documented session ---------------------------------------------------------------------

@pytest.fixture(scope="module", name="session")
def fixture_session():
    """The document's commands, typed: a list of (command, answer)."""
    return answers(type_session(documented_commands()))


def answer(session, command, number=0):
    """What the command printed, the first time or a later one."""
    return [printed for typed, printed in session if typed == command][number]


# --- the commands -------------------------------------------------------------------------------

def test_gdb_starts_at_the_kernels_first_instruction_with_all_symbols_known():
    status, output = debug(["info symbol $eip", "info line DemoUnload", "info line RunChild",
                            "info address RtlUserThreadStart@4", "uh process"])
    assert "BootEntry in section .boot" in output
    assert re.search(r'Line \d+ of "drivers/demo/demo.c"', output)
    assert re.search(r'Line \d+ of "user/demo/child.c"', output)
    assert "The kernel has no threads yet." in output
    assert status in (0, 1)


def test_an_address_translates_as_the_processor_does_it():
    _, output = debug(["tbreak Spin", "continue", "uh pte 0x500000", "monitor gva2gpa 0x500000",
                       "uh pte KiSwapContext", "monitor gva2gpa KiSwapContext",
                       "uh pte $esp", "python gdb.execute('monitor gva2gpa %d' % "
                       "int(gdb.parse_and_eval('$esp')))", "uh pte 0xA0000000", "uh pte 0x1000"])
    ours = re.findall(r"physical address (\w+)", output)
    theirs = re.findall(r"gpa: 0x(\w+)", output)
    assert len(theirs) >= 2
    assert [int(ours[0], 16), int(ours[-1], 16)] == [int(theirs[0], 16), int(theirs[-1], 16)]
    assert output.count("not mapped: touching it is a page fault") == 2


def test_an_address_translates_through_any_process():
    """What uh pte says of the children is what the demonstration itself reports in its table."""
    commands = ["tbreak Report", "continue", "uh process all"]
    pids = (36, 44, 52)
    commands += [f"uh pte 0x500000 {pid}" for pid in pids] + ["continue"]
    _, output = debug(commands)
    table = dict(re.findall(r"^IOCTL +(\d+) demo.exe .*\| (\w{5}) 100\d", output, re.MULTILINE))
    assert table
    del pids


def test_every_command_has_help():
    _, output = debug([f"help uh {name}" for name in
                       ("process", "thread", "irql", "pte", "switch", "watch", "step")])
    for name in "process", "thread", "irql", "pte", "switch", "watch", "step":
        assert re.search(rf": uh {name}\b", output), name


@pytest.mark.parametrize("command, complaint", [
    ("uh pte", "Wrong number of arguments"), ("uh switch never", "The only options are"),
    ("uh process 99999", "There is no process 99999"), ("uh step 0", "COUNT is 1 to")])
def test_a_wrong_argument_is_told(command, complaint):
    _, output = debug(["uh switch", command])
    assert complaint in output


# --- tools/debug --------------------------------------------------------------------------------

def processes_in(directory):
    """The processes whose working directory is in `directory`: QEMU runs in its private one."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/cwd").startswith(str(directory)):
                found.append(int(pid))
        except OSError:
            pass
    return found


def wait_until(condition):
    """Waits for something that wakes nobody."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_end_of_gdb_is_the_end_of_the_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    status, output = debug(["tbreak KiIdleLoop", "continue"])
    assert status == 0 and "KiIdleLoop" in output
    assert not processes_in(tmp_path) and not os.listdir(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_machine_ends_when_the_script_is_killed(number, tmp_path):
    with subprocess.Popen([sys.executable, DEBUG, "--", "-nx", "-batch", "-ex", "python import time",
                           "-ex", "python time.sleep(1000)"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=dict(os.environ, TMPDIR=str(tmp_path))) as script:
        wait_until(lambda: processes_in(tmp_path))
        script.send_signal(number)
        script.wait(PATIENCE)
        wait_until(lambda: not processes_in(tmp_path))


def test_options_that_tools_run_refuses_are_refused():
    status, output = debug([], ["--memory", "none"])
    assert status == 2 and "'none' is not a number" in output


if __name__ == "__main__":
    record()
