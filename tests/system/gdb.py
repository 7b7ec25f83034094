"""A GDB batch session against a Machine that was started with gdb=True.

    with Machine(gdb=True) as machine:
        output = run_gdb(machine, '''
            hbreak KiSwapContext
            continue
            bt
        ''')

The machine waits before its first instruction until the first session continues it. When a session
ends GDB detaches and the machine runs on; the next session stops it where it is.
"""

import os
import subprocess

from machine import KERNEL, PATIENCE, MachineError

# GDB's own start-up files and questions have no place in a test.
PREAMBLE = ["-ex", "set pagination off", "-ex", "set confirm off", "-ex", "set width 0",
            "-ex", "set style enabled off"]


def run_gdb(machine, script, python=False, timeout=PATIENCE, symbols=KERNEL):
    """Runs a script of GDB commands, or of Python with `python`, and returns all it prints.

    A command that fails ends the session, and GDB's status is then not 0. That and the time limit
    fail the test, with the output so far.
    """
    path = os.path.join(machine.scratch, "script.py" if python else "script.gdb")
    with open(path, "w", encoding="utf-8") as text:
        text.write(script)
    machine.wait_for_socket(machine.gdb_path)
    command = ["gdb", "-nx", "-batch"] + PREAMBLE
    command += ["-ex", f"target remote {machine.gdb_path}", "-x", path, symbols]
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as expired:
        output = (expired.stdout or b"").decode(errors="replace")
        raise MachineError(f"GDB has not ended within {timeout} s:\n{output}") from None
    output = result.stdout.decode(errors="replace")
    if result.returncode != 0:
        raise MachineError(f"GDB ended with status {result.returncode}:\n{output}")
    return output
