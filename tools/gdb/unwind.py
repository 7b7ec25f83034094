"""Ends a backtrace where the user's stack cannot be read.

The caller of user code is found on the user's stack, through the page directory in CR3. While the
kernel is attached to another process (KeStackAttachProcess), and for the few instructions of a
context switch when ESP is the new thread's and CR3 still the old one's, that is another process's
memory. Then the frame of the user code that entered the kernel is the last one that can be known.
"""

import gdb
import gdb.unwinder

import kernel


class FrameId:
    """How GDB tells frames apart."""

    def __init__(self, frame):
        self.sp = frame.read_register("esp")
        self.pc = frame.read_register("eip")


class OtherProcessUnwinder(gdb.unwinder.Unwinder):
    """Takes user frames whose stack is not there; GDB itself unwinds all others.

    A trap's frame description does not speak of CS, so that is the processor's own in every frame.
    """

    def __init__(self):
        super().__init__("upperhalf-other-process")

    def __call__(self, pending_frame):
        """Called by GDB for each frame: None leaves the frame to GDB."""
        pc = int(pending_frame.read_register("eip")) & 0xFFFFFFFF
        in_user_mode = int(pending_frame.read_register("cs")) & kernel.USER_LEVEL
        if pc >= kernel.SYSTEM_BASE or in_user_mode or pending_frame.level() == 0:
            return None
        thread = kernel.thread_on_stack(kernel.register("esp"))
        if thread is None or thread.owner.cr3 == kernel.register("cr3"):
            return None
        return pending_frame.create_unwind_info(FrameId(pending_frame))


def register():
    """Makes the unwinder known to GDB."""
    gdb.unwinder.register_unwinder(None, OtherProcessUnwinder(), replace=True)
