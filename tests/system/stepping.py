"""Runs inside GDB: steps through the kernel's assembly, checking the backtrace at each instruction.

test_backtrace.py starts this. A scenario runs to its place, then steps instruction by instruction.
What is checked there is not only names: the frames from the caller on, with their
program counter, stack pointer and the registers that a call preserves, must be the same at every
instruction, and must end in a frame that is known to be outermost.

`visited` collects the addresses of the assembly that were stepped through, so that the test can see
that no instruction was left out.
"""

import gdb

SYSTEM_BASE = 0x80000000
USER_LEVEL = 3
TEXT_REGISTERS = ("esp", "ebp", "ebx", "esi", "edi")
ALL_REGISTERS = TEXT_REGISTERS + ("eax", "ecx", "edx", "eip")
OUTERMOST = {"KiThreadStartup", "BootUpper", "RtlUserThreadStart"}
ASSEMBLY = ("sched/switch.S", "kernel/ke/trap.S", "kernel/ke/service.S", "kernel/ke/usercopy.S")
MOST_STEPS = 20000
HIGH_LEVEL = 31
CLOCK_VECTOR = 48
POISON = b"\xEF\xBE\xAD\xDE" * 16
STEPS_INTO_C = 60       # how far a C function is stepped into before it is left to run

visited = set()


def register(name):
    """A register of the processor."""
    return int(gdb.newest_frame().read_register(name)) & 0xFFFFFFFF


def word(address):
    """The 32-bit word at a virtual address."""
    memory = gdb.selected_inferior().read_memory(address, 4).tobytes()
    return int.from_bytes(memory, "little")


def address_of(symbol):
    """A label's address."""
    return int(gdb.parse_and_eval(f"(unsigned)&{symbol}"))


def registers_of(frame, names):
    """Registers as they were in a frame."""
    return tuple(int(frame.read_register(name)) & 0xFFFFFFFF for name in names)


def caller_of(frame):
    """The frame's caller, or None.

    A real one: GDB makes others up for functions that were inlined or left by a tail call.
    """
    frame = frame.older()
    while frame is not None and frame.type() in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
        frame = frame.older()
    return frame


def here():
    """The real frame that the machine is in."""
    frame = gdb.newest_frame()
    return caller_of(frame) if frame.type() == gdb.INLINE_FRAME else frame


def chain(frame):
    """A frame and its callers: for each, function, program counter, stack and frame pointer."""
    frames = []
    while frame is not None:
        frames.append((frame.name(), frame.pc()) + registers_of(frame, ("esp", "ebp")))
        frame = caller_of(frame)
    return frames


def kernel_part(frames):
    """The frames up to the user code that was interrupted, that one included.

    They depend on the kernel stack alone; the user's own callers also on the page directory in CR3.
    """
    for number, frame in enumerate(frames):
        if frame[1] < SYSTEM_BASE:
            return frames[:number + 1]
    return frames


def check_outermost(frames):
    """The chain must end where threads begin, not where GDB lost its way.

    Scenarios look at threads in their own address space, so that the user part can be read.
    """
    assert frames[-1][0] in OUTERMOST, describe(frames)


def describe(frames):
    """A chain in words, for a failure."""
    return f"at {here().name()} {here().pc():#x}:\n" + \
        "\n".join(f"    {name} pc {pc:#x} esp {esp:#x} ebp {ebp:#x}"
                  for name, pc, esp, ebp in frames)


def is_assembly():
    """Is the next instruction one of the assembly that is looked at?"""
    line = gdb.newest_frame().find_sal()
    return line.symtab is not None and line.symtab.filename.endswith(ASSEMBLY)


def is_user():
    """Is the machine in user mode?"""
    return bool(register("cs") & USER_LEVEL)


def step():
    """One instruction.

    What lies below the stack pointer is overwritten, as an interrupt might: so a value is not found
    where it was popped from.
    """
    if is_assembly():
        visited.add(register("eip"))
    gdb.execute("stepi", to_string=True)
    if is_assembly():
        gdb.selected_inferior().write_memory(register("esp") - len(POISON), POISON)


def run_to(place, condition=None):
    """Runs until `place` is reached and the condition holds there."""
    stop = gdb.Breakpoint(f"*({place})", internal=True)
    stop.silent = True
    if condition:
        stop.condition = condition
    gdb.execute("continue", to_string=True)
    stop.delete()


def leave_c():
    """From the first instruction of a C function that assembly called: back into the assembly.

    The same thread's: other threads may come by meanwhile, with another stack pointer.
    """
    esp = register("esp")
    run_to(f"{word(esp):#x}", f"$esp > {esp:#x} && $esp <= {esp + 64:#x}")


def step_or_leave_c(check):
    """One instruction; of a C function only the first ones, each checked, then the rest at once."""
    before_call = register("esp")
    step()
    if is_assembly() or is_user() or register("esp") != before_call - 4:
        return
    back, esp = word(register("esp")), register("esp")
    for _ in range(STEPS_INTO_C):
        check()
        step()
        if register("eip") == back:
            return
    run_to(f"{back:#x}", f"$esp > {esp:#x} && $esp <= {esp + 64:#x}")


def step_out_of(function):
    """Steps from a function's first instruction until it has returned, its caller checked always.

    The caller's preserved registers are those at the first instruction, when nothing is pushed yet.
    """
    first = here()
    caller = chain(caller_of(first))
    saved = registers_of(caller_of(first), TEXT_REGISTERS)
    check_outermost(caller)

    def check():
        frames = chain(here())
        assert frames[-len(caller):] == caller, describe(frames)

    steps = 0
    while here().name() == function:
        check()
        assert chain(caller_of(here())) == caller, describe(chain(here()))
        assert registers_of(caller_of(here()), TEXT_REGISTERS) == saved
        step_or_leave_c(check)
        steps += 1
        assert steps < MOST_STEPS
    assert register("eip") == caller[0][1]
    return steps


# --- the context switch -------------------------------------------------------------------------

def switch(condition):
    """A whole KiSwapContext: the old thread's callers before the stack changes, then the new one's.

    What the new one's are is known at the end, when KiSwapContext has returned; so they are noted
    and compared then. The user part of the new chain is right only once CR3 has been loaded.
    """
    run_to("KiSwapContext", condition)
    old = chain(caller_of(here()))
    check_outermost(old)
    noted, old_cr3, stack_changed = [], register("cr3"), False

    def check():
        caller = here()
        while caller.name() != "KiSwapContext": # it calls C to save floating-point registers
            caller = caller_of(caller)
        caller = caller_of(caller)
        if stack_changed:
            noted.append((register("cr3"), chain(caller), registers_of(caller, TEXT_REGISTERS)))
        else:
            assert chain(caller) == old, describe(chain(caller))

    while here().name() == "KiSwapContext":
        check()
        stack_changed |= register("eip") == address_of("KiSwapContextStack")
        step_or_leave_c(check)
    new, saved = chain(here()), registers_of(here(), TEXT_REGISTERS)
    check_outermost(new)
    for cr3, callers, then_saved in noted:
        same_space = cr3 == register("cr3")
        seen, true = (callers, new) if same_space else (kernel_part(callers), kernel_part(new))
        assert seen == true, describe(seen)
        assert then_saved == saved
    assert stack_changed and new != old and noted
    return f"{len(noted)} instructions on the new stack, CR3 {old_cr3:08x} -> {register('cr3'):08x}"


def new_thread():
    """The first instructions of a new thread: there is no caller, and the callees' one is this."""
    run_to("KiThreadStartup + 1")
    steps = 0
    while here().name() == "KiThreadStartup":
        assert len(chain(here())) == 1, describe(chain(here()))
        step()
        steps += 1
        if here().name() != "KiThreadStartup":
            frames = chain(here())
            assert len(frames) == 2 and frames[1][0] == "KiThreadStartup", describe(frames)
        if here().name() == "KiBeginThread":
            leave_c()
    return f"{steps} instructions"


# In the kernel. AT_HOME: the current thread is not attached to another process.
PCR = "((KPCR *)$fs_base)"
PROCESSOR = "(&((KIPCR *)$fs_base)->PrcbData)"
AT_HOME = (f"{PROCESSOR}->CurrentThread->ApcState.Process == "
           f"{PROCESSOR}->CurrentThread->Process")


# --- traps --------------------------------------------------------------------------------------

def trap(vector, error_code, from_user):
    """A trap from its stub's first instruction to the interrupted code's next one.

    The registers of the interrupted code are known at the first instruction, where the processor
    has not changed any but EIP and ESP, and these it has pushed.
    """
    at = 8 if error_code else 4
    came_from = f"(*(unsigned *)($esp + {at}) & 3)"
    run_to(f"KiTrap{vector}",
           f"{came_from} == {USER_LEVEL}" if from_user else f"{came_from} == 0 && {AT_HOME}")
    return follow_trap(error_code, from_user)


def follow_trap(error_code, from_user):
    """From a stub's first instruction on."""
    frame = register("esp") + (4 if error_code else 0)
    pushed_eip = word(frame)
    pushed_esp = word(frame + 12) if from_user else frame + 12
    interrupted = chain(caller_of(here()))
    values = {name: register(name) for name in ALL_REGISTERS}
    values.update(eip=pushed_eip, esp=pushed_esp)
    check_outermost(interrupted)
    assert interrupted[0][1] == pushed_eip and interrupted[0][2] == pushed_esp

    def check():
        frames = chain(here())
        assert frames[-len(interrupted):] == interrupted, describe(frames)

    steps, left, returns = 0, False, False
    while not returns:
        before = len(visited)
        frames = chain(caller_of(here()))
        assert frames == interrupted, describe(chain(here()))
        assert here().type() == gdb.SIGTRAMP_FRAME
        seen = registers_of(caller_of(here()), ALL_REGISTERS)
        if not left:
            assert seen == tuple(values[name] for name in ALL_REGISTERS), describe(frames)
        left |= next_instruction().startswith("call")
        returns = next_instruction().startswith("iret")
        step_or_leave_c(check)
        steps += 1
        assert steps < MOST_STEPS and len(visited) >= before
    assert register("eip") == pushed_eip and register("esp") == pushed_esp
    assert is_user() == from_user
    return f"{steps} instructions, interrupted {interrupted[0][0]}"


def next_instruction():
    """The next instruction, as text."""
    architecture = here().architecture()
    return architecture.disassemble(register("eip"))[0]["asm"]


def clock_in_kernel():
    """In the clock's service routine, having interrupted the kernel: frames lead into that."""
    run_to("KiUpdateTime",
           f"(((KTRAP_FRAME *)$ecx)->SegCs & 3) == 0 && {AT_HOME}")
    frame = gdb.Value(register("ecx")).cast(gdb.lookup_type("KTRAP_FRAME").pointer())
    frames = chain(here())
    check_outermost(frames)
    interrupted = [caller for caller in frames if caller[1] == int(frame["Eip"])]
    assert len(interrupted) == 1, describe(frames)
    return f"{frames.index(interrupted[0])} frames, interrupted {interrupted[0][0]}"


def hold_back_clock():
    """Makes a clock interrupt come too early: IRQL is HIGH_LEVEL while the kernel looks at it.

    It seldom happens by itself, for the clock's IRQL is near the top. Not one that is replayed
    already; and not while the processor is idle, for then nothing else would let IRQL fall.
    """
    run_to("KiInterruptHandler",
           f"$edx == {CLOCK_VECTOR} && {PCR}->Irql == 0 && {AT_HOME} && "
           f"(((KTRAP_FRAME *)$ecx)->SegCs & 3) == 0 && "
           f"!{PCR}->IrrActive && {PROCESSOR}->CurrentThread != {PROCESSOR}->IdleThread")
    gdb.execute(f"set var {PCR}->Irql = {HIGH_LEVEL}")
    run_to(f"{word(register('esp')):#x}", f"{PCR}->Irql == {HIGH_LEVEL}")
    gdb.execute(f"set var {PCR}->Irql = 0")


def replay():
    """An interrupt that was held back, run by KiReplayInterrupt as if it had just come."""
    hold_back_clock()
    run_to("KiReplayInterrupt")
    while not gdb.parse_and_eval(AT_HOME):
        hold_back_clock()
        run_to("KiReplayInterrupt")
    caller = chain(caller_of(here()))
    check_outermost(caller)
    while here().name() == "KiReplayInterrupt":
        assert chain(caller_of(here())) == caller, describe(chain(here()))
        step()
    message = follow_trap(error_code=False, from_user=False)
    while here().name() == "KiReplayInterrupt":
        assert chain(caller_of(here())) == caller, describe(chain(here()))
        step()
    assert register("eip") == caller[0][1]
    return message


def called(function):
    """A whole assembly function that C calls."""
    run_to(function, AT_HOME)
    return f"{step_out_of(function)} instructions"


def copy_fault():
    """The end of KiCopyUserMemory when a fault has been given up."""
    run_to("KiCopyUserMemoryFault", AT_HOME)
    return f"{step_out_of('KiCopyUserMemory')} instructions"


# --- all of them --------------------------------------------------------------------------------

# Conditions at KiSwapContext's first instruction. OLD and NEW are its arguments.
OLD, NEW = "((KTHREAD *)$ecx)", "((KTHREAD *)$edx)"
NOT_ATTACHED = f"{OLD}->ApcState.Process == {OLD}->Process && " \
               f"{NEW}->ApcState.Process == {NEW}->Process"
SAME_SPACE = f"{NOT_ATTACHED} && {OLD}->Process == {NEW}->Process"
BOTH_PROGRAMS = f"{NOT_ATTACHED} && {OLD}->Process != {NEW}->Process && {OLD}->Teb && {NEW}->Teb"
COMPUTING = f"{NOT_ATTACHED} && {OLD}->Teb && {NEW}->Teb && {OLD}->NpxState == 0"
TO_SYSTEM = f"{NOT_ATTACHED} && {OLD}->Teb && !{NEW}->Teb"

# The demonstration comes by most of them; test_backtrace.py has the programs for the others.
SCENARIOS = {
    "new thread": new_thread,
    "switch within a process": lambda: switch(SAME_SPACE),
    "service called by the kernel": lambda: trap(46, False, False),
    "page fault in the kernel": lambda: trap(14, True, False),
    "clock interrupts the kernel": lambda: trap(48, False, False),
    "clock's routine, kernel interrupted": clock_in_kernel,
    "replayed interrupt": replay,
    "service called by a program": lambda: trap(46, False, True),
    "page fault in a program": lambda: trap(14, True, True),
    "switch between programs": lambda: switch(BOTH_PROGRAMS),
    "switch from a program to the System process": lambda: switch(TO_SYSTEM),
    "switch from a program that uses floating point": lambda: switch(COMPUTING),
    "KiCallService": lambda: called("KiCallService"),
    "KiCopyUserMemory": lambda: called("KiCopyUserMemory"),
    "clock interrupts a program": lambda: trap(48, False, True),
    "KiCopyUserMemory, given up": copy_fault,
}


def run(name):
    """Runs a scenario; prints a line about it, then the addresses visited."""
    gdb.execute("set backtrace past-main on")
    gdb.execute("set suppress-cli-notifications on")
    print(f"ok: {name}: {SCENARIOS[name]()}")
    print("visited:", " ".join(f"{address:x}" for address in sorted(visited)))
