"""Backtraces: where one must end; and a function for conditions, $uh_interrupted.

The caller of user code is found on the user's stack, through the page directory in CR3. While the
kernel is attached to another process (KeStackAttachProcess), and for the few instructions of a
context switch when ESP is the new thread's and CR3 still the old one's, that is another process's
memory. Then the frame of the user code that entered the kernel is the last one that can be known.
"""

import gdb

import kernel


def is_user_stack_elsewhere():
    """Is the kernel at work, on the stack of a thread whose user half is not the one in CR3?"""
    if not kernel.is_running() or kernel.register("cs") & kernel.USER_LEVEL:
        return False
    thread = kernel.thread_on_stack(kernel.register("esp"))
    return thread is not None and thread.owner.cr3 != kernel.register("cr3")


class KnownFrames:
    """A frame filter, which `backtrace` hands its frames to: leaves out those not to be known."""

    name = "upperhalf-known-frames"
    enabled = True
    priority = 100

    @staticmethod
    def filter(frames):
        """The frames up to the first one of user code, if that one's stack is elsewhere."""
        elsewhere = is_user_stack_elsewhere()
        for frame in frames:
            yield frame
            if elsewhere and frame.inferior_frame().pc() < kernel.SYSTEM_BASE:
                return


class Interrupted(gdb.Function):
    """Has an interrupt or a fault interrupted that function? $uh_interrupted("NAME")

The innermost one counts: 1 if the code behind `<signal handler called>` is the function or inlined
in it, else 0. For conditions, as in: break KeInsertQueueDpc if $uh_interrupted("Spin")"""

    def __init__(self):
        super().__init__("uh_interrupted")

    def invoke(self, name):
        """Called by GDB."""
        frame = gdb.newest_frame()
        while frame is not None and frame.type() != gdb.SIGTRAMP_FRAME:
            frame = frame.older()
        frame = frame and frame.older()
        while frame is not None and frame.type() == gdb.INLINE_FRAME:
            if frame.name() == name.string():
                return 1
            frame = frame.older()
        return int(frame is not None and frame.name() == name.string())


def register():
    """Makes the filter and the function known to GDB."""
    gdb.frame_filters[KnownFrames.name] = KnownFrames()
    Interrupted()
