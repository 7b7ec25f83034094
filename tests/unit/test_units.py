"""Runs the host unit tests that `make tests` has built: kernel code under ASan and UBSan."""
import pathlib
import subprocess

import pytest

BUILD = pathlib.Path(__file__).resolve().parents[2] / "build" / "unit"
ARGUMENTS = {"pe": ["pe_sample.sys", "pe_low.sys"]}


@pytest.mark.parametrize("name", ["firmware", "ide", "lznt1", "npx", "options", "pe", "pool",
                                  "protect", "regfile", "rtl", "rtltables", "rtltext", "se"])
def test_unit(name):
    arguments = [BUILD / argument for argument in ARGUMENTS.get(name, [])]
    result = subprocess.run([BUILD / f"test_{name}", *arguments], capture_output=True, text=True,
                            errors="replace", timeout=120)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-8000:]
    assert "\nok " in "\n" + result.stdout
