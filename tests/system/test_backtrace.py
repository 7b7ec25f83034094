"""A backtrace is right at every single instruction of the kernel's assembly.

In GDB each scenario (stepping.py, which runs inside GDB) steps through a context switch, a trap, an
interrupt or a service call of the demonstration, and checks the frames at each instruction. Two
have other programs: one whose bad pointers make a copy be given up, one that uses floating point.
What is looked at here: each scenario went through, and together they left no instruction out.

Interrupts come when they come, so no two runs step through the same moments; what is checked holds
for all. (Counted instructions, --icount, would not help: each stop in GDB then costs the time until
the next timer tick.)
"""

import functools
import os
import re
import subprocess

import pytest

import gdb
from machine import KERNEL, ROOT, Machine

HERE = os.path.dirname(os.path.realpath(__file__))
BUILD = os.path.join(ROOT, "build")
PATIENCE = 300

SCENARIOS = ["new thread", "switch within a process", "switch between programs",
             "switch from a program to the System process",
             "switch from a program that uses floating point", "service called by a program",
             "service called by the kernel", "page fault in a program", "page fault in the kernel",
             "clock interrupts a program", "clock interrupts the kernel",
             "clock's routine, kernel interrupted", "replayed interrupt", "KiCallService",
             "KiCopyUserMemory", "KiCopyUserMemory, given up"]
# What the demonstration does not come by: the program that does.
PROGRAMS = {"KiCopyUserMemory, given up": "badptr.exe",
            "switch from a program that uses floating point": "fpu.exe"}

# The assembly that a running kernel goes through, and what of it is never executed: the padding
# before a new thread's first instruction, and the stop behind a call that does not return.
FUNCTIONS = ["KiSwapContext", "KiThreadStartup", "KiTrapCommon", "KiReplayInterrupt",
             "KiCallService", "KiCopyUserMemory"]
NEVER_EXECUTED = [("KiThreadStartup", "nop"), ("KiThreadStartup", "ud2")]


@functools.lru_cache(maxsize=None)
def session(scenario):
    """Steps through a scenario in a machine of its own; returns what GDB printed."""
    program, options = "user/demo.exe", []
    if scenario in PROGRAMS:
        program = f"tests/{PROGRAMS[scenario]}"
        options = ["--module", os.path.join(BUILD, program), "--init", PROGRAMS[scenario]]
    symbols = [f'gdb.execute("add-symbol-file {os.path.join(BUILD, name)} -o 0", to_string=True)'
               for name in ("user/ntdll.dll", program)]
    script = ["import sys", f"sys.path.insert(0, {HERE!r})", "import stepping"] + symbols
    script += [f"stepping.run({scenario!r})", 'gdb.execute("kill")']
    with Machine(options, gdb=True) as machine:
        return gdb.run_gdb(machine, "\n".join(script), python=True, timeout=PATIENCE)


def visited(output):
    """The addresses that a session stepped through."""
    line = re.search(r"^visited: (.*)$", output, re.MULTILINE)
    return {int(word, 16) for word in line.group(1).split()} if line else set()


def instructions(function):
    """A function's instructions: (address, mnemonic)."""
    listing = subprocess.run(["i686-linux-gnu-objdump", "-d", "--no-show-raw-insn",
                              f"--disassemble={function}", KERNEL],
                             stdout=subprocess.PIPE, check=True, text=True).stdout
    found = re.findall(r"^\s*([0-9a-f]{8}):\s+(\w+)", listing, re.MULTILINE)
    return [(int(address, 16), mnemonic) for address, mnemonic in found]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_backtrace_is_right_at_every_instruction_of(scenario):
    output = session(scenario)
    assert re.search(rf"^ok: {re.escape(scenario)}: ", output, re.MULTILINE), output


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_instruction_was_left_out_of(function):
    seen = set().union(*(visited(session(scenario)) for scenario in SCENARIOS))
    found = instructions(function)
    left_out = [f"{address:x} {mnemonic}" for address, mnemonic in found
                if address not in seen and (function, mnemonic) not in NEVER_EXECUTED]
    assert found and not left_out
