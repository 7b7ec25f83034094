"""GDB as the tests use it: a batch session against a Machine, or tools/debug on a terminal.

A batch session, against a Machine that was started with gdb=True:

    with Machine(gdb=True) as machine:
        output = run_gdb(machine, '''
            hbreak KiSwapContext
            continue
            bt
        ''')

The machine waits before its first instruction until the first session continues it. When a session
ends GDB detaches and the machine runs on; the next session stops it where it is.

A person at a terminal, who types, waits for the prompt, and reads:

    with Terminal() as terminal:
        answer = terminal.type("uh process")
"""

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time

from machine import KERNEL, PATIENCE, ROOT, MachineError, decode

DEBUG = os.path.join(ROOT, "tools", "debug")
PROMPT = "(gdb) "
COLUMNS = 100

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


def own_the_terminal():
    """In a child with a session of its own: its standard input is the session's terminal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """tools/debug on a terminal of its own, COLUMNS wide, without colours or the user's settings.

    `seen` is all that the terminal has shown, with plain line ends.
    """

    def __init__(self, options=(), directory=ROOT, **environment):
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        command = [sys.executable, DEBUG] + list(options) + ["--", "-nx"]
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True, preexec_fn=own_the_terminal,
                                        cwd=directory,
                                        env=dict(os.environ, TERM="dumb", **environment))
        os.close(slave)
        self._data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        """Ends tools/debug, and with it the machine, if `quit` has not."""
        if self.process.poll() is None:
            self.process.terminate()
            self._read_all()
            self.process.wait(PATIENCE)
        os.close(self.master)

    @property
    def seen(self):
        """See above. A carriage return comes from the terminal, from the machine, or from both."""
        return re.sub(r"\r+\n", "\n", decode(self._data))

    def _read(self, deadline):
        """Waits for more output; False when there will be none: nobody has the terminal open."""
        ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise MachineError(f"nothing more within {PATIENCE} s:\n{self.seen}")
        try:
            data = os.read(self.master, 65536)
        except OSError:     # EIO
            return False
        self._data += data
        return bool(data)

    def _read_all(self):
        """Reads to the end."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass

    def wait_for(self, text, start=0):
        """Waits until `text` has been shown, after position `start`; returns where it begins."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.seen[start:]:
            if not self._read(deadline):
                raise MachineError(f"the end, before {text!r}:\n{self.seen}")
        return self.seen.index(text, start)

    def wait_for_prompt(self):
        """Waits for the first prompt; returns what was shown before it."""
        end = self.wait_for("\n" + PROMPT)
        return self.seen[:end + 1]

    def press(self, keys):
        """Sends keys, and waits for nothing."""
        os.write(self.master, keys.encode())

    def type(self, command):
        """Types a command at the prompt; returns what is shown from there to the next prompt."""
        self.start(command)
        return self.answer()

    def start(self, command):
        """Types a command, and waits only until GDB has taken the line."""
        if PROMPT not in self.seen:
            self.wait_for_prompt()
        typed = len(self.seen)
        self.press(command + "\n")
        self._began = self.wait_for("\n", typed)

    def answer(self):
        """Waits for the prompt after a command that was started; returns what was shown."""
        end = self.wait_for("\n" + PROMPT, self._began)
        return self.seen[self._began + 1:end + 1]

    def end(self):
        """Types `quit` and waits for the end of tools/debug; returns its exit status."""
        self.press("quit\n")
        self._read_all()
        return self.process.wait(PATIENCE)
