"""Floating point: every thread has x87 and SSE registers of its own, and drivers can use them, too.

fpu.exe looks at it from user mode (threads of several processes, all at the same time), fputest.sys
from inside, with DPCs that interrupt fpu.exe. Both take the way by which KiSwapContext saves
registers: without it, both fail. --cpu gives processors that have less of it, or none.
"""

import os
import re
import subprocess

import pytest

import gdb
from machine import KERNEL, Machine, run
from test_kernel import KERNELS
from test_programs import check_passed, module, run_program

CR0_MP, CR0_EM, CR0_TS, CR0_NE = 0x02, 0x04, 0x08, 0x20
CR4_OSFXSR, CR4_OSXMMEXCPT = 0x200, 0x400

# Without FXSAVE (a Pentium Pro); with it, but without SSE; with SSE, but without SSE2.
MODELS = {"fnsave": "qemu32,-fxsr,-sse,-sse2,-pni,-ssse3", "fxsave": "pentium2", "sse": "pentium3"}
WITHOUT_SSE = [MODELS["fnsave"], MODELS["fxsave"]]
NO_FPU = "qemu32,-fpu"

# A machine whose program waits for a line that nobody types.
WAITING = module("tests", "echo.exe") + ["--init", "echo.exe"]

# The instructions with which the kernel handles the registers; it has no others for them.
HANDLING = {"fxsave", "fxrstor", "fnsave", "frstor", "fninit", "fnstsw", "fnstcw", "stmxcsr"}

ENDED = r"^crash\.exe \(pid \d+\): {} "


def crash(kind, *options):
    """A program that dies of an exception: (exit status, output)."""
    return run(module("tests", "crash.exe") + ["--init", f"crash.exe {kind}"] + list(options))


def run_driver(*options):
    """fputest.sys, and then fpu.exe, which its DPCs interrupt: the output."""
    lines = check_passed("fpu.exe", *module("tests", "fputest.sys"), "--start", "fputest.sys",
                         *options)
    output = "\n".join(lines)
    assert re.search(r"^fputest: [1-9]\d* passed, 0 failed$", output, re.MULTILINE), output
    assert re.search(r"^fputest: \d+ DPCs have interrupted programs$", output, re.MULTILINE), output
    return output


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_threads_have_registers_of_their_own(cpus, kernel):
    lines = check_passed("fpu.exe", "--cpus", str(cpus), *KERNELS[kernel])
    assert "fpu.exe: with SSE" in lines


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_drivers_use_registers_and_programs_notice_nothing(cpus, kernel):
    run_driver("--cpus", str(cpus), *KERNELS[kernel])


@pytest.mark.parametrize("cpus", [1, 2])
@pytest.mark.parametrize("model", MODELS)
def test_older_processors_have_what_they_have(model, cpus):
    output = run_driver("--cpus", str(cpus), "--cpu", MODELS[model])
    expected = "without SSE" if MODELS[model] in WITHOUT_SSE else "with SSE"
    assert f"fpu.exe: {expected}" in output.splitlines()


def test_without_floating_point_a_program_that_uses_it_ends():
    status, lines = run_program("fpu.exe none", "--cpu", NO_FPU)
    assert status == 98, lines
    assert any("fpu.exe" in line and "STATUS_ILLEGAL_FLOAT_CONTEXT" in line for line in lines)


def test_without_floating_point_a_driver_is_told_so():
    status, output = run(module("tests", "fputest.sys") +
                         ["--cpu", NO_FPU, "--start", "fputest.sys", "--init", "hello.exe 7"])
    assert status == 7 and "PASS there is no floating point, and a driver is told so" in output
    assert re.search(r"^fputest: [1-9]\d* passed, 0 failed$", output, re.MULTILINE), output


def test_an_sse_instruction_needs_a_processor_that_has_it():
    assert crash("sse")[0] == 0
    for model in WITHOUT_SSE:
        status, output = crash("sse", "--cpu", model)
        assert status == 98
        assert re.search(ENDED.format("STATUS_ILLEGAL_INSTRUCTION"), output, re.MULTILINE), output


def test_an_sse_exception_has_its_status():
    """QEMU does not raise exception 19; so another one is turned into it, in its stub.

    MXCSR is what it would be: a division by zero is flagged there, and is not masked.
    """
    script = """
        hbreak *KiTrap6
        continue
        set var $eip = (unsigned)&KiTrap19
        delete
    """
    with Machine(module("tests", "crash.exe") + ["--init", "crash.exe sse-zero"],
                 gdb=True) as machine:
        gdb.run_gdb(machine, script)
        machine.wait_for(ENDED.format("STATUS_FLOAT_MULTIPLE_TRAPS"))
        assert machine.wait_exit() == 98


@pytest.mark.parametrize("model, cr4", [("qemu32", CR4_OSFXSR | CR4_OSXMMEXCPT),
                                        (MODELS["fnsave"], 0)])
def test_each_processor_is_set_up_for_what_it_has(model, cr4):
    with Machine(WAITING + ["--cpus", "4", "--cpu", model]) as machine:
        machine.wait_for(r"^4 processors$")
        machine.stop()
        for processor in range(4):
            registers = machine.registers(processor)
            assert registers["CR0"] & (CR0_MP | CR0_EM | CR0_NE) == CR0_MP | CR0_NE
            assert registers["CR4"] & (CR4_OSFXSR | CR4_OSXMMEXCPT) == cr4


def test_without_floating_point_its_instructions_trap():
    with Machine(WAITING + ["--cpu", NO_FPU]) as machine:
        machine.wait_for(r"^Memory: ")
        machine.stop()
        cr0 = machine.registers()["CR0"]
        assert cr0 & (CR0_MP | CR0_EM | CR0_TS | CR0_NE) == CR0_EM | CR0_NE


@pytest.mark.parametrize("kernel", [KERNEL, KERNELS["checked"][1]])
def test_the_kernel_itself_uses_no_floating_point(kernel):
    assert os.path.exists(kernel)
    listing = subprocess.run(["i686-linux-gnu-objdump", "-d", "--no-show-raw-insn",
                              "-j", ".text", kernel],
                             stdout=subprocess.PIPE, check=True, text=True).stdout
    found = re.findall(r"^ *[0-9a-f]{8}:\s+(\S+) *([^\n]*)$", listing, re.MULTILINE)
    used = {mnemonic for mnemonic, operands in found
            if mnemonic.startswith("f") or re.search(r"%(?:x?mm\d|st\b)", operands)}
    assert len(found) > 10000 and used - {"stmxcsr"} == HANDLING - {"stmxcsr"}, used
