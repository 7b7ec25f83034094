"""The model drivers of drivers/: each with its program, which says whether it does what is
documented; and that nothing of the kernel's is in their sources.
"""

import glob
import os
import re
import subprocess

import pytest

from machine import ROOT, run
from test_kernel import KERNELS, MACHINES

DRIVERS = sorted(os.path.basename(path) for path in glob.glob(os.path.join(ROOT, "drivers", "*")))
HEADERS = "/usr/share/mingw-w64/include"

# Where the preprocessor of GCC, which has no __try, is to see plain C.
PLAIN = ["-D__try=", "-D__except(x)=if (x)", "-D__finally="]


def files_of(driver, pattern):
    """Source files of a driver."""
    return glob.glob(os.path.join(ROOT, "drivers", driver, "**", pattern), recursive=True)


@pytest.mark.parametrize("kernel, cpus", MACHINES)
@pytest.mark.parametrize("driver", ["null", "filter", "csq", "transfer"])
def test_model_driver_does_what_it_is_a_model_of(driver, kernel, cpus):
    status, log = run([*KERNELS[kernel], "--cpus", str(cpus), "--init", f"{driver}.exe"], 120)
    assert status == 0, log
    assert re.search(rf"^{driver}: [1-9]\d* passed, 0 failed", log, re.M), log
    assert "FAIL" not in log, log


@pytest.mark.parametrize("driver", DRIVERS)
def test_driver_includes_the_ddk_headers_and_its_own(driver):
    for path in files_of(driver, "*.[ch]"):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for name in re.findall(r"^\s*#\s*include\s+<(.*)>", text, re.M):
            assert any(os.path.exists(os.path.join(HEADERS, folder, name))
                       for folder in ("ddk", ".")), (path, name)
        for name in re.findall(r'^\s*#\s*include\s+"(.*)"', text, re.M):
            own = os.path.realpath(os.path.join(os.path.dirname(path), name))
            assert own in map(os.path.realpath, files_of(driver, "*.h")), (path, name)


def imports_of(driver):
    """The names that a driver imports, from objdump's list of them (hint, then name)."""
    image = os.path.join(ROOT, "build", "drivers", f"{driver}.sys")
    listed = subprocess.run(["i686-w64-mingw32-objdump", "-p", image], stdout=subprocess.PIPE,
                            text=True, check=True).stdout
    tables = re.findall(r"DLL Name: (.*)\n\s*vma:.*\n((?:\s+[0-9a-f]+\s+\d+\s+\w+\n)+)", listed)
    assert {name for name, _ in tables} <= {"ntoskrnl.exe", "HAL.dll", "hal.dll"}
    return set(re.findall(r"(\w+)\n", "".join(names for _, names in tables)))


def declared_in(path, scratch):
    """The functions that a file and its own headers declare, according to the compiler."""
    listing = os.path.join(scratch, "declared")
    subprocess.run(["i686-w64-mingw32-gcc", "-w", "-fsyntax-only", "-D_WIN32_WINNT=0x0601",
                    f"-I{HEADERS}/ddk", *PLAIN, "-aux-info", listing, path], check=True)
    with open(listing, encoding="utf-8") as file:
        lines = [line for line in file if HEADERS not in line]
    return set(re.findall(r"(\w+) \(", "".join(lines)))


@pytest.mark.parametrize("driver", DRIVERS)
def test_driver_declares_nothing_that_it_imports(driver, tmp_path):
    imports = imports_of(driver)
    assert "IofCompleteRequest" in imports
    for path in files_of(driver, "*.c"):
        declared = declared_in(path, tmp_path)
        assert declared, path
        assert not declared & imports, path
