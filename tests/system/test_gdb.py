#!/usr/bin/python3
"""GDB on the kernel: the session in docs/gdb.md, and what tools/debug and its commands promise.

    python3 tests/system/test_gdb.py --record

types the commands of the documented session again and puts what the terminal showed into the
document. The tests type them too, and compare: line by line without the numbers, which differ from
build to build and from run to run, and what the document says of the numbers with the numbers.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from gdb import DEBUG, PROMPT, Terminal
from machine import PATIENCE, ROOT, Qmp, decode

DOCUMENT = os.path.join(ROOT, "docs", "gdb.md")
SESSION = re.compile(r"(<!-- session -->\n```\n)(.*?)(```\n<!-- end of session -->)", re.DOTALL)
BUILD = os.path.join(ROOT, "build")
COMMANDS = ("process", "thread", "irql", "pte", "switch", "watch", "step")

# The machine's log comes to the terminal on its own time, perhaps amid an answer of GDB's.
QUIET = ["--log", os.devnull]
# Loads and unloads demo.sys through NtLoadDriver and NtUnloadDriver, again and again.
CHURN = ["--module", os.path.join(BUILD, "tests", "drvchurn.exe"), "--init"]
# A program that waits for input that never comes: the machine runs for as long as a test lasts.
WAITING = ["--module", os.path.join(BUILD, "tests", "echo.exe"), "--init", "echo.exe"]


# --- the documented session ---------------------------------------------------------------------

def document():
    """The document's text."""
    with open(DOCUMENT, encoding="utf-8") as text:
        return text.read()


def documented_session():
    """The document's session: for each command, itself and what is shown for it."""
    parts = re.split(r"^\(gdb\) (.*)\n", SESSION.search(document()).group(2), flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2]))


def type_session(commands, options=()):
    """Types the commands in tools/debug; each with what was shown for it."""
    with Terminal(options) as terminal:
        terminal.wait_for_prompt()
        return [(command, terminal.type(command)) for command in commands]


def record():
    """Types the document's commands and puts what comes out into the document."""
    session = type_session([command for command, _ in documented_session()])
    block = "".join(f"{PROMPT}{command}\n{shown}" for command, shown in session)
    block = "".join(line.rstrip() + "\n" for line in block.splitlines())
    new = SESSION.sub(lambda match: match.group(1) + block + match.group(3), document())
    with open(DOCUMENT, "w", encoding="utf-8") as text:
        text.write(new)


def whole_lines(shown):
    """The lines of an answer. GDB has broken long ones at blanks, and indented what follows.

    A line of a backtrace goes to the next number, another one only to where a file is named.
    """
    shown = re.sub(r"^(#\d+ .*?)(?=^#|^\(More|\Z)", lambda match: " ".join(match[0].split()) + "\n",
                   shown, flags=re.MULTILINE | re.DOTALL)
    shown = re.sub(r"\s*\n {4}(at |[A-Z]\w*=)", r" \1", shown)
    return [line for line in shown.splitlines() if line.strip()]


def pattern_of(line):
    """A line without what may differ: numbers, how they are aligned, what is pending.

    GDB names a frame's address only if it is in the middle of a source line.
    """
    line = re.sub(r"^(#\d+ +)0x[0-9a-f]+ in ", r"\1", line)
    line = re.sub(r"pending: .*", "pending: N", line)
    line = re.sub(r"\b(0x)?[0-9a-f]*[0-9][0-9a-f]*\b", "N", line, flags=re.IGNORECASE)
    return " ".join(line.split())


class Session:
    """The documented commands as typed by the test: `answers`, and `log`, what the machine said."""

    def __init__(self, log):
        commands = [command for command, _ in documented_session()]
        self.answers = type_session(commands, ["--log", str(log)])
        with open(log, "rb") as lines:
            self.log = {pattern_of(line) for line in decode(lines.read()).splitlines()}

    def answer(self, command, number=0):
        """What was shown for a command, the first time or a later one."""
        return [shown for typed, shown in self.answers if typed == command][number]


@pytest.fixture(scope="module", name="session")
def fixture_session(tmp_path_factory):
    """One run of the session for all tests. The log is apart, for it comes on its own time."""
    return Session(tmp_path_factory.mktemp("session") / "log")


def values(pattern, text):
    """The groups of a pattern that must be there."""
    match = re.search(pattern, text, re.MULTILINE)
    assert match, f"no {pattern!r} in\n{text}"
    return match.groups()


def test_the_documented_session_is_what_a_terminal_shows(session):
    for (command, documented), (_, shown) in zip(documented_session(), session.answers):
        expected = [pattern_of(line) for line in whole_lines(documented)]
        expected = [line for line in expected if line not in session.log]
        assert [pattern_of(line) for line in whole_lines(shown)] == expected, command


def test_the_session_shows_a_driver_in_the_context_of_a_program_that_it_interrupts(session):
    pid, cr3 = values(r"pid (\d+) +demo.exe +CR3 (\w+) .*\(in CR3\)",
                      session.answer("uh process", 1))
    frames = re.findall(r"^#\d+ +(?:0x\w+ in )?([^ (\n]+)", session.answer("bt"), re.MULTILINE)
    assert frames[:2] == ["DemoTouchResident", "DemoTimerDpcRoutine"]
    assert frames[-1] == "RtlUserThreadStart"
    assert frames[frames.index("<signal") + 1] == "Spin"
    assert f"the directory at {cr3}, process {pid} demo.exe" in session.answer("uh pte 0x500000")


def test_the_session_finds_one_page_table_in_all_directories_behind_the_pool_address(session):
    found, of_all = values(r"the same page table in (\d+) of (\d+) page directories",
                           session.answer("uh pte Device->Text"))
    assert found == of_all and int(found) >= 10
    assert "page directories" not in session.answer("uh pte 0x500000")


def test_the_session_sees_the_stack_change_before_cr3(session):
    _, old, _ = values(r"^switch from (\S+) .*thread (\w+) +CR3 (\w+)$",
                       session.answer("uh switch user"))
    name, new, _ = values(r"^switch to +(\S+) .*thread (\w+) +CR3 (\w+)$",
                          session.answer("uh switch user"))
    steps = session.answer("uh step 7")
    assert old != new and "CR3" not in steps
    last = steps.split("sched/switch.S:")[-1]
    then, now, owner = values(r"^    ESP +(\w+) -> (\w+)  the stack of (\S+)", last)
    assert owner == name and abs(int(then, 16) - int(now, 16)) >= 4096


def test_the_session_sees_the_callers_change_with_the_stack(session):
    before, after = session.answer("bt 7"), session.answer("bt", 1)
    for frames in before, after:
        assert re.search(r"^#0 +(0x\w+ in )?KiSwapContext ", frames, re.MULTILINE)
        assert frames.count("KiSwapContext ") == 1
    assert "KiDispatchInterrupt" in before and "KiDispatchInterrupt" not in after
    assert "KeWaitForSingleObject" in after and "KeWaitForSingleObject" not in before


def test_the_session_sees_the_user_address_change_over_the_load_of_cr3(session):
    switch = session.answer("uh switch user")
    old, new = values(r"from .*CR3 (\w+)$", switch) + values(r"switch to .*CR3 (\w+)$", switch)
    before, _, after = session.answer("uh step 6").partition("mov %eax,%cr3")
    assert old != new and before.count("sched/switch.S") == 6 and "CR3" not in before
    assert values(r"CR3 +(\w+) \(\d+ demo.exe\) -> (\w+) \(\d+ demo.exe\)", after) == (old, new)
    frame, value, new_frame, new_value = values(
        r"^ +00500000  frame (\w+)  (\w+) -> frame (\w+)  (\w+)$", after)
    assert frame != new_frame and value != new_value
    assert (new_value,) == values(r"0x500000:\s+0x(\w+)", session.answer("x/wx 0x500000", 1))


def test_the_session_sees_the_pool_addresses_stay_over_the_load_of_cr3(session):
    watched = session.answer("uh watch 0x500000 Device->Resident Device->Text")
    places = re.findall(r"^  (f\w{7}|e\w{7})  (frame \w+  \w+  \".*\")$", watched, re.MULTILINE)
    after = session.answer("uh step 6").partition("mov %eax,%cr3")[2]
    assert re.findall(r"^ +(\w{8})  (frame .*)  stays$", after, re.MULTILINE) == places
    assert len(places) == 2


def test_the_session_steps_through_the_sources_of_the_context_switch(session):
    with open(os.path.join(ROOT, "sched", "switch.S"), encoding="utf-8") as source:
        lines = source.read().splitlines()
    shown = "".join(answer for _, answer in session.answers)
    steps = re.findall(r"sched/switch.S:(\d+)  (\w+)", shown)
    assert len(steps) == 14
    for number, mnemonic in steps:
        assert mnemonic in lines[int(number) - 1]


# --- the commands -------------------------------------------------------------------------------

@pytest.fixture(scope="module", name="early")
def fixture_early():
    """A machine at its first instruction, where it stays: the tests look, and step a little."""
    with Terminal() as terminal:
        yield terminal


@pytest.fixture(scope="module", name="late")
def fixture_late():
    """A machine in the demonstration's child, where it stays."""
    with Terminal(QUIET) as terminal:
        terminal.type("tbreak Spin")
        terminal.type("continue")
        yield terminal


@pytest.mark.parametrize("options", [[], ["--iso"]])
def test_gdb_starts_at_the_kernels_first_instruction(options):
    with Terminal(options) as terminal:
        shown = terminal.wait_for_prompt()
        assert re.search(r"^#0  BootEntry \(\) at boot/multiboot.S:\d+$", shown, re.MULTILINE)
        assert "BootEntry in section .boot" in terminal.type("info symbol $eip")
        assert not re.search(r"rror|Traceback|warning", shown)


def test_the_symbols_of_kernel_driver_and_program_are_known_at_once(early):
    for function, source in (("KiRetireDpcList", "sched/dpc.c"),
                             ("DemoUnload", "drivers/demo/demo.c"),
                             ("DriverEntry@8", "drivers/demo/demo.c"),
                             ("RunChild", "user/demo/child.c"),
                             ("*RtlUserThreadStart", "user/ntdll/start.S")):
        assert re.search(rf'Line \d+ of "{source}"', early.type(f"info line {function}"))


def test_every_command_has_help(early):
    for name in COMMANDS:
        assert f": uh {name}" in early.type(f"help uh {name}")
        assert f"uh {name} -- " in early.type("uh")


def test_the_tab_key_knows_what_may_follow(late):
    assert late.type("complete uh switch u").split() == ["uh", "switch", "user"]
    assert late.type("complete uh pte PsActiveProc").split() == ["uh", "pte", "PsActiveProcessHead"]


WRONG = [("uh never", "There is no command `uh never`"), ("uh pte", "Wrong number of arguments"),
         ("uh thread 1", "Wrong number of arguments"), ("uh switch never", "The only options are"),
         ("uh step 0", "COUNT is 1 to"), ("uh step never", 'No symbol "never"'),
         ("uh pte 0x100000000", "has more than 32 bits"), ("uh pte 1.5", "is not an address"),
         ("uh pte 1 +", "Wrong number of arguments|syntax error"), ("uh pte 1+", "syntax error"),
         ("uh watch never", 'No symbol "never"'), ("uh process 4x", 'Invalid number "4x"')]
WRONG_EARLY = [("uh process", "no threads yet"), ("uh process all", "no threads yet"),
               ("uh process 4", "no processes yet"), ("uh thread", "no threads yet"),
               ("uh irql", "no threads yet"), ("uh pte 0x500000", "Paging is not on yet"),
               ("uh pte DemoUnload 4", "no processes yet")]
WRONG_LATE = [("uh process 99999", "There is no process 99999"),
              ("uh pte 0x500000 99999", "There is no process 99999"),
              ("uh pte *PsLoadedModuleList.Flink", "is not an address or a number")]


def check_complaint(shown, complaint):
    """One line that says it."""
    assert re.search(complaint, shown) and len(shown.splitlines()) == 1, shown


@pytest.mark.parametrize("command, complaint", WRONG + WRONG_EARLY)
def test_what_cannot_be_at_the_first_instruction_is_told_in_one_line(early, command, complaint):
    check_complaint(early.type(command), complaint)


@pytest.mark.parametrize("command, complaint", WRONG + WRONG_LATE)
def test_a_wrong_argument_is_told_in_one_line(late, command, complaint):
    check_complaint(late.type(command), complaint)


def test_the_commands_work_while_the_kernel_starts():
    """At places where paging is on, but not yet all that the commands look at."""
    with Terminal(QUIET) as terminal:
        for place in ("BootUpper", "KiInitializeProcessor", "LdrInitialize", "PsInitializeIdle"):
            terminal.type(f"tbreak *{place}")
            assert f"{place} (" in terminal.type("continue")
            for command in "uh process", "uh thread", "uh irql", "uh process all":
                check_complaint(terminal.type(command), "no threads yet")
            assert "physical address" in terminal.type("uh pte $eip")
            assert len(terminal.type("uh step").splitlines()) >= 1
        terminal.type("tbreak *KiInitializeInterrupts")
        terminal.type("continue")
        assert re.search(r"^PROCESS .* pid 4 +System ", terminal.type("uh process"))


def test_the_current_thread_is_shown(late):
    shown = late.type("uh thread")
    pid, tid = values(r"^THREAD \w+  (\d+)\.(\d+) demo.exe  Running$", shown)
    assert "in user mode" in shown and "IRQL 0 (PASSIVE_LEVEL), interrupts on" in shown
    assert "is not on it" in shown
    assert re.search(rf"pid {pid} .*\n  \* THREAD \w+  tid {tid} ", late.type("uh process"))


def test_all_processes_are_listed_one_of_them_in_cr3(late):
    shown = late.type("uh process all")
    found = re.findall(r"^PROCESS \w+  pid (\d+) +(\S+) +CR3 (\w+) ", shown, re.MULTILINE)
    assert [name for _, name, _ in found] == ["System"] + 9 * ["demo.exe"]
    assert len({cr3 for _, _, cr3 in found}) == len({pid for pid, _, _ in found}) == 10
    assert shown.count("(in CR3)") == 1 and shown.count("\n  * THREAD") == 1
    for pid, name, cr3 in found:
        alone = late.type(f"uh process {pid}")
        assert values(rf"pid {pid} +(\S+) +CR3 (\w+)", alone) == (name, cr3)


@pytest.mark.parametrize("address", ["0x500000", "Spin", "KiSwapContext", "&PsActiveProcessHead",
                                     "KiBootStack", "0x7FFE0000"])
def test_an_address_translates_as_the_processor_does_it(late, address):
    number, = values(r"^(\w{8}) through the directory", late.type(f"uh pte {address}"))
    ours, = values(r"physical address (\w+)", late.type(f"uh pte {address}"))
    theirs, = values(r"gpa: 0x(\w+)", late.type(f"monitor gva2gpa 0x{number}"))
    assert int(ours, 16) == int(theirs, 16)


@pytest.mark.parametrize("address", ["0xA0000000", "0x1000", "0xFFFFFFFF"])
def test_what_is_not_mapped_is_said_to_be_so(late, address):
    assert "not mapped: touching it is a page fault" in late.type(f"uh pte {address}")
    assert "nmapped" in late.type(f"monitor gva2gpa {address}")


def test_an_address_translates_through_any_process(late):
    """Behind a child's own address there is a frame of its own with its own value."""
    pids = re.findall(r"pid (\d+) +demo.exe", late.type("uh process all"))[1:]
    places = [values(r"physical address (\w+)", late.type(f"uh pte 0x500000 {pid}"))[0]
              for pid in pids]
    found = [values(r"0x(\w+)$", late.type(f"monitor xp/wx 0x{place}").strip())[0]
             for place in places]
    assert [int(value, 16) for value in found] == [0x1000 + child for child in range(8)]
    shared = {values(r"physical address (\w+)", late.type(f"uh pte KiSwapContext {pid}"))[0]
              for pid in pids}
    assert len(shared) == 1


def test_a_step_of_an_idle_processor_comes_back():
    """The timer is held back while an instruction is stepped, and so is what ends a halt."""
    with Terminal(QUIET) as terminal:
        terminal.type("tbreak *KiIdleLoop")
        assert "KiIdleLoop" in terminal.type("continue")
        assert "hlt" in terminal.type("uh step 3")


# --- symbols ------------------------------------------------------------------------------------

def place_of(terminal, function):
    """Where GDB has a function."""
    return int(values(r"at address 0x(\w+)", terminal.type(f"info line {function}"))[0], 16)


def test_a_function_that_is_found_only_by_its_linkers_name_is_pointed_out(early):
    shown = early.type("tbreak DriverEntry")
    assert "pending" in shown and "There is a function DriverEntry@8." in shown.splitlines()
    assert "There is a function" not in early.type("tbreak NoSuchFunction")


def test_a_drivers_symbols_come_and_leave_with_it():
    with Terminal(QUIET + CHURN + ["drvchurn.exe 2"]) as terminal:
        assert 0xA0000000 <= place_of(terminal, "DemoUnload") < 0xC0000000
        terminal.type("break DriverEntry@8")
        terminal.type("break DemoUnload")
        for _ in range(2):
            assert re.search(r"Breakpoint 1(\.\d)?, (0x\w+ in )?DriverEntry@8 ",
                             terminal.type("continue"))
            assert place_of(terminal, "DemoUnload") >= 0xF1000000
            assert re.search(r"Breakpoint 2, (0x\w+ in )?DemoUnload ", terminal.type("continue"))
            frames = terminal.type("bt")
            assert re.search(r"DemoUnload .* at drivers/demo/demo.c:", frames.replace("\n", ""))
            assert re.search(r"^#\d+ .* KiThreadStartup \(\)", frames, re.MULTILINE)
        terminal.type("tbreak NtTerminateProcess")
        terminal.type("continue")
        assert 0xA0000000 <= place_of(terminal, "DemoUnload") < 0xC0000000


def test_the_symbols_of_programs_are_those_of_the_process_that_runs():
    """churn.exe starts hello.exe twice; both lie at the same address, each in its own process."""
    options = ["--module", os.path.join(BUILD, "tests", "churn.exe"), "--init", "churn.exe 2"]
    with Terminal(QUIET + options) as terminal:
        terminal.type("tbreak RunMany")
        terminal.type("break hello.c:12")
        assert re.search(r"RunMany .*\n?.* at tests/programs/churn.c:", terminal.type("continue"))
        assert 0x400000 <= place_of(terminal, "RunMany") < 0x500000
        assert place_of(terminal, "hello.c:12") >= 0xA0000000
        pids = set()
        for _ in range(2):
            assert re.search(r" main \(.*\n?.* at user/hello/hello.c:1[23]\n",
                             terminal.type("continue"))
            assert 0x400000 <= place_of(terminal, "hello.c:12") < 0x500000
            assert place_of(terminal, "RunMany") >= 0xA0000000
            pids |= set(values(r"pid (\d+) +hello.exe", terminal.type("uh process")))
        assert len(pids) == 2


def test_the_end_of_the_machine_leaves_gdb_at_its_prompt():
    with Terminal(CHURN + ["drvchurn.exe 1"]) as terminal:
        terminal.start("continue")
        terminal.wait_for("drvchurn: 2 passed, 0 failed")
        assert "Remote connection closed" in terminal.answer()
        for command in "uh process", "uh thread", "uh pte 0x500000", "uh step", "uh switch":
            check_complaint(terminal.type(command), "not being run|No registers")
        assert terminal.end() == 0


# --- tools/debug --------------------------------------------------------------------------------

def debug(arguments, **environment):
    """Runs tools/debug to its end without a terminal: (exit status, all that was printed)."""
    result = subprocess.run([sys.executable, DEBUG] + arguments, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE,
                            check=False, env=dict(os.environ, **environment))
    return result.returncode, decode(result.stdout)


@pytest.mark.parametrize("arguments, complaint", [
    (["--never"], "unrecognized arguments: --never"), (["--memory", "none"], "is not a number"),
    (["--module", "/never.sys"], "no such file"), (["--module"], "expected one argument"),
    (["--start", "never.sys"], "not in the boot set"), (["--kernel", "/never"], "no such file"),
    (["--log", "/never/log"], "No such file"), (["--log"], "expected one argument")])
def test_wrong_options_are_refused_in_one_line(arguments, complaint):
    status, output = debug(arguments)
    assert status == 2
    check_complaint(output, complaint)


def test_a_missing_gdb_is_told_in_one_line(tmp_path):
    status, output = debug([], PATH=str(tmp_path))
    assert status == 2
    check_complaint(output, "gdb not found; run tools/setup")


def processes_in(directory):
    """The processes whose working directory is there: QEMU's is a temporary one of its own."""
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


def test_ctrl_c_stops_the_machine_and_it_can_go_on(tmp_path):
    path = str(tmp_path / "qmp")
    with Terminal(["--qmp", path] + WAITING) as terminal:
        terminal.start("continue")
        terminal.wait_for("type two lines")
        with contextlib.closing(Qmp(path)) as machine:
            for _ in range(3):
                wait_until(lambda: machine.execute("query-status")["running"])
                terminal.press("\x03")
                assert "received signal SIGINT" in terminal.answer()
                terminal.type("tbreak KiUpdateTime")
                assert " KiUpdateTime (" in terminal.type("continue")
                terminal.start("continue")


@pytest.mark.parametrize("running", [False, True])
def test_quit_leaves_no_machine_and_no_file(tmp_path, running):
    with Terminal(WAITING, tmp_path, TMPDIR=str(tmp_path)) as terminal:
        if running:
            terminal.type("tbreak NtOpenFile")
            terminal.type("continue")
        else:
            terminal.wait_for_prompt()
        assert len(processes_in(tmp_path)) >= 4     # tools/debug, GDB, tools/run, QEMU
        assert terminal.end() == 0
        assert not processes_in(tmp_path) and not os.listdir(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_gdb_and_the_machine_end_when_the_script_is_killed(number, tmp_path):
    with Terminal(WAITING, tmp_path, TMPDIR=str(tmp_path)) as terminal:
        terminal.wait_for_prompt()
        assert len(processes_in(tmp_path)) >= 4
        terminal.process.send_signal(number)
        terminal.process.wait(PATIENCE)
        wait_until(lambda: not processes_in(tmp_path))
        left = [name for name in os.listdir(tmp_path) if number != signal.SIGKILL or "core" in name]
        assert not left


def test_gdb_and_the_machine_end_when_the_terminal_is_closed(tmp_path):
    terminal = Terminal(WAITING, tmp_path, TMPDIR=str(tmp_path))
    terminal.wait_for_prompt()
    os.close(terminal.master)
    terminal.process.wait(PATIENCE)
    wait_until(lambda: not processes_in(tmp_path))
    assert not os.listdir(tmp_path)


if __name__ == "__main__":
    if sys.argv[1:] != ["--record"]:
        sys.exit(__doc__)
    record()
