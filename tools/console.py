"""COM1 on this terminal: copies between QEMU's pipes and our standard input and output.

QEMU could use standard input and output itself, but it would make them non-blocking, which every
program that shares them would feel, and would leave a terminal raw if killed. So it has two pipes,
and what is here copies; a Terminal puts back whatever it changed.
"""

import os
import select
import selectors
import termios


class Terminal:
    """Standard input, character by character if it is a terminal, and put back at the end.

    Ctrl-C keeps its meaning. Ctrl-Z goes to the guest: a stopped copier would stop the guest too.
    """

    def __init__(self):
        self.saved = None
        self.usable = self.is_ours()
        if self.usable and os.isatty(0):
            self.saved = termios.tcgetattr(0)
            termios.tcsetattr(0, termios.TCSADRAIN, self.characters(termios.tcgetattr(0)))

    @staticmethod
    def is_ours():
        """Not so for a terminal whose foreground job is another: reading it would stop us."""
        try:
            return not os.isatty(0) or os.tcgetpgrp(0) == os.getpgrp()
        except OSError:
            return True

    @staticmethod
    def characters(mode):
        """The mode without line editing and echo, and with Enter as carriage return."""
        mode[0] &= ~(termios.ICRNL | termios.IXON)
        mode[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN)
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        mode[6][termios.VSUSP] = b"\0"
        return mode

    def close(self):
        """Puts the terminal back."""
        if self.saved is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, self.saved)


def write_all(descriptor, data):
    """Writes every byte; BrokenPipeError if nobody reads any more."""
    while data:
        data = data[os.write(descriptor, data):]


def copy_input(process):
    """Carries what is typed to COM1; False at its end, after which COM1 stays open and silent."""
    try:
        data = os.read(0, select.PIPE_BUF)
        write_all(process.stdin.fileno(), data)
    except OSError:
        return False
    return bool(data)


def copy_output(process):
    """Carries COM1 to standard output; False at its end."""
    data = os.read(process.stdout.fileno(), 65536)
    write_all(1, data)
    return bool(data)


def copy_until_end(process, input_usable):
    """Copies both ways until QEMU closes its output; BrokenPipeError if nobody takes ours.

    QEMU takes input only as fast as the guest reads it, and the guest may be waiting for its output
    to be taken. So nothing here may block on the input pipe: input is read only when the pipe is
    writable, and then no more than such a pipe has room for (pipe(7), PIPE_BUF).
    """
    with selectors.SelectSelector() as watched:
        watched.register(process.stdout, selectors.EVENT_READ)
        if input_usable:
            watched.register(0, selectors.EVENT_READ)
        while True:
            for key, _ in watched.select():
                if key.fileobj is process.stdout:
                    if not copy_output(process):
                        return
                    continue
                watched.unregister(key.fileobj)
                if key.fileobj == 0:
                    watched.register(process.stdin, selectors.EVENT_WRITE)
                elif copy_input(process):
                    watched.register(0, selectors.EVENT_READ)
