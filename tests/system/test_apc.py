"""APCs: the driver that checks them from inside, and the program that gets them in user mode."""

import pytest

from machine import run
from test_kernel import KERNELS
from test_programs import module


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_apcs_run_when_and_where_they_should(cpus, kernel):
    status, output = run(KERNELS[kernel] + module("tests", "apctest.sys", "apc.exe") +
                         ["--cpus", str(cpus), "--start", "apctest.sys", "--init", "apc.exe"])
    lines = output.splitlines()
    assert status == 0, output
    assert not [line for line in lines if line.startswith("FAIL")], output
    for name, least in ("apctest", 60), ("apc", 30):
        summary = [line for line in lines if line.startswith(f"{name}: ") and " passed" in line]
        assert len(summary) == 1 and summary[0].endswith(", 0 failed"), output
        assert int(summary[0].split()[1]) >= least, output
    assert "apctest.sys is not there" not in output
