"""64 threads in 8 processes at random moves: everything that was counted must agree exactly."""

import pytest

from test_kernel import KERNELS
from test_programs import check_passed, long, module


def play(cpus, seed, seconds, kernel="free"):
    lines = check_passed(f"stress.exe {seed} {seconds}", *KERNELS[kernel], "--cpus", str(cpus),
                         *module("tests", "stress.sys"), timeout=120 + 10 * seconds)
    assert any(line.startswith(f"stress: seed {seed}, {seconds} s, ") for line in lines)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_no_signal_is_lost(cpus, kernel):
    play(cpus, seed=cpus, seconds=3, kernel=kernel)


@long
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("seed", [101, 102])
def test_no_signal_is_lost_in_a_minute(seed, kernel):
    play(4, seed=seed, seconds=60, kernel=kernel)
