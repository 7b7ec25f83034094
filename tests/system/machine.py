"""The kernel in QEMU, as the system tests see it.

    with Machine(["--init", "demo.exe 8"]) as machine:
        machine.wait_for(r"DriverEntry at (\\w+)")
        assert machine.wait_exit() == 0

A Machine is one tools/run, with COM1 collected as `log` and with QEMU's machine protocol (QMP) on a
private socket, through which a test looks at the machine from outside: physical memory, registers,
the screen. Leaving the `with` block ends the machine, whatever the test did.

Waiting is by events: a thread appends to the log and wakes whoever waits for a pattern. `_changed`
(a condition) guards `_log` and `_log_closed`; the QMP socket belongs to the test's thread.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
RUN = os.path.join(ROOT, "tools", "run")
KERNEL = os.path.join(ROOT, "build", "upperhalf.elf")

# How long a wait may take before the test fails. Generous: it is there for a machine that hangs,
# and the host may be slow or busy.
PATIENCE = 60

SCREEN_ADDRESS = 0xB8000
SCREEN_ROWS = 25
SCREEN_COLUMNS = 80


class MachineError(AssertionError):
    """The machine did not do what was waited for. The text ends with the end of the log."""


def run(arguments, timeout=PATIENCE, typed=""):
    """A whole run of tools/run: (exit status, COM1's output). `typed` goes to COM1's input."""
    result = subprocess.run([sys.executable, RUN, "--timeout", str(timeout)] + list(arguments),
                            input=typed.encode(), stdout=subprocess.PIPE, check=False,
                            timeout=timeout + PATIENCE)
    return result.returncode, decode(result.stdout)


def decode(data):
    """COM1's bytes as text, with plain line ends."""
    return data.decode("utf-8", errors="replace").replace("\r\n", "\n")


class Qmp:
    """A client of QEMU's machine protocol: one command at a time, events skipped."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rw", encoding="utf-8")
        self.stream.readline()
        self.execute("qmp_capabilities")

    def execute(self, command, arguments=None):
        """The command's result; QEMU's own message if it fails."""
        request = {"execute": command, "arguments": arguments or {}}
        self.stream.write(json.dumps(request) + "\n")
        self.stream.flush()
        while True:
            line = self.stream.readline()
            if not line:
                raise MachineError(f"the machine ended during {command}")
            answer = json.loads(line)
            if "error" in answer:
                raise MachineError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def close(self):
        """Closes both ends of the file and the socket."""
        self.socket.close()
        try:
            self.stream.close()
        except OSError:
            pass


class Machine:
    """One running machine. See the top of this file."""

    def __init__(self, arguments=(), gdb=False, timeout=600):
        self.scratch = tempfile.mkdtemp(prefix="upperhalf-test-")
        self.qmp_path = os.path.join(self.scratch, "qmp")
        self.gdb_path = os.path.join(self.scratch, "gdb") if gdb else None
        self._changed = threading.Condition()
        self._log = bytearray()
        self._log_closed = False
        self._searched = 0
        self._qmp = None
        self._stderr = open(os.path.join(self.scratch, "stderr"), "w+b")
        command = [sys.executable, RUN, "--qmp", self.qmp_path, "--timeout", str(timeout)]
        command += ["--gdb", self.gdb_path] if gdb else []
        self.process = subprocess.Popen(command + list(arguments), stdin=subprocess.PIPE, bufsize=0,
                                        stdout=subprocess.PIPE, stderr=self._stderr)
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        """Ends the machine and removes what it left. tools/run ends QEMU when it is terminated."""
        if self._qmp:
            self._qmp.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join()
        for stream in self.process.stdin, self.process.stdout, self._stderr:
            stream.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    # The log.

    def _collect(self):
        """The reader thread: appends COM1's output to the log until it ends."""
        while True:
            data = self.process.stdout.read(65536)
            with self._changed:
                self._log += data
                self._log_closed = not data
                self._changed.notify_all()
            if not data:
                return

    @property
    def log(self):
        """All of COM1's output so far."""
        with self._changed:
            return decode(self._log)

    @property
    def errors(self):
        """What tools/run and QEMU have written to standard error."""
        with open(os.path.join(self.scratch, "stderr"), encoding="utf-8") as text:
            return text.read()

    def _fail(self, what):
        """Fails the test with what the machine said last."""
        lines = decode(self._log).splitlines()[-30:]
        raise MachineError("\n".join([what, self.errors + "the log ends:"] + lines))

    def wait_for(self, pattern, timeout=PATIENCE):
        """Waits until COM1's output has `pattern` (lines may be matched with ^ and $).

        The search goes on where the last one ended, so that the same line is not found twice.
        Returns the match.
        """
        expression = re.compile(pattern, re.MULTILINE)
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                match = expression.search(decode(self._log), self._searched)
                if match:
                    self._searched = match.end()
                    return match
                if self._log_closed:
                    self._fail(f"the machine ended before {pattern!r}")
                if not self._changed.wait(deadline - time.monotonic()):
                    self._fail(f"no {pattern!r} within {timeout} s")

    def send(self, text):
        """Types `text` on COM1."""
        self.process.stdin.write(text.encode())

    def wait_exit(self, timeout=PATIENCE):
        """Waits until the machine ends and returns tools/run's exit status."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            with self._changed:
                self._fail(f"the machine has not ended within {timeout} s")
        self._reader.join()
        return status

    # The machine from outside.

    def qmp(self, command, **arguments):
        """A command of QEMU's machine protocol; returns its result."""
        if not self._qmp:
            self._connect()
        return self._qmp.execute(command, arguments)

    def _connect(self):
        """Connects to QMP."""
        self.wait_for_socket(self.qmp_path)
        self._qmp = Qmp(self.qmp_path)

    def wait_for_socket(self, path):
        """Waits until tools/run has made its socket at `path`; from then on it can be connected to.

        A file's appearance wakes nobody, so this one wait looks again after a moment.
        """
        deadline = time.monotonic() + PATIENCE
        while not os.path.exists(path):
            with self._changed:
                if self._log_closed or time.monotonic() > deadline:
                    self._fail("the machine has not started")
                self._changed.wait(0.01)

    def monitor(self, line, processor=0):
        """A line for QEMU's human monitor; returns what it prints."""
        return self.qmp("human-monitor-command",
                        **{"command-line": line, "cpu-index": processor})

    def stop(self):
        """Stops all processors."""
        self.qmp("stop")

    def cont(self):
        """Lets them run on."""
        self.qmp("cont")

    def read_physical(self, address, size):
        """`size` bytes of guest physical memory. Stop the machine first for one consistent view."""
        path = os.path.join(self.scratch, "memory")
        self.qmp("pmemsave", val=address, size=size, filename=path)
        with open(path, "rb") as memory:
            return memory.read()

    def registers(self, processor=0):
        """One processor's registers by QEMU's names (EAX, EIP, EFL, CR3, ...) and CPL, as numbers.

        A segment register gives its selector.
        """
        text = self.monitor("info registers", processor)
        pairs = re.findall(r"\b([A-Z][A-Z0-9]{1,3})\s*=\s*([0-9a-f]+)", text)
        return {name: int(value, 16) for name, value in pairs}

    def _screen(self):
        """The text screen's memory: a character and an attribute byte for each position."""
        return self.read_physical(SCREEN_ADDRESS, SCREEN_ROWS * SCREEN_COLUMNS * 2)

    def screen_text(self):
        """The text screen's 25 lines, each 80 characters."""
        text = self._screen()[0::2].decode("cp437").replace("\0", " ")
        return [text[at:at + SCREEN_COLUMNS] for at in range(0, len(text), SCREEN_COLUMNS)]

    def screen_attributes(self):
        """The text screen's attribute bytes: 25 rows of 80 numbers, background in bits 4-6."""
        attributes = self._screen()[1::2]
        return [list(attributes[at:at + SCREEN_COLUMNS])
                for at in range(0, len(attributes), SCREEN_COLUMNS)]

    def screendump(self, path):
        """Writes a picture of the screen, as PNG."""
        self.qmp("screendump", filename=os.path.abspath(path), format="png")
