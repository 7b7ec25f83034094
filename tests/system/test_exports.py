"""Each export is used by some driver of the tests or of drivers/: it is imported, or named in its
sources (MmGetSystemRoutineAddress). What is not has its reason here.
"""

import glob
import os
import re
import subprocess
import sys

from machine import ROOT

sys.path.insert(0, os.path.join(ROOT, "tools"))
import listexports  # pylint: disable=wrong-import-position

# Exports that nothing here uses, and why.
EXCEPTIONS = {
    "KeBugCheck": "KeBugCheckEx with zeros; test_bugchecks.py stops enough machines",
    "_abnormal_termination": "of Microsoft's C run-time; clang's __finally keeps the number itself",
    "_global_unwind2": "the same: _except_handler3 does it",
    "_local_unwind2": "the same",
}


def exported():
    """All names."""
    names = set()
    for file in listexports.FILES:
        _, groups = listexports.read_groups(os.path.join(ROOT, "kernel", "exports", file))
        names.update(name for _, group in groups for name in group)
    return names


def named():
    """What the sources of drivers and tests mention."""
    words = set()
    for folder in ("drivers", "tests/drivers", "tests/unit"):
        for path in glob.glob(os.path.join(ROOT, folder, "**", "*.[ch]"), recursive=True):
            with open(path, encoding="utf-8") as source:
                text = re.sub(r"/\*.*?\*/", "", source.read(), flags=re.S)
            words.update(re.findall(r"\w+", text))
    return words


def imported():
    """What the built drivers import: what the headers' macros and inline functions call, too."""
    names = set()
    for image in glob.glob(os.path.join(ROOT, "build", "drivers", "*.sys")) + \
            glob.glob(os.path.join(ROOT, "build", "tests", "*.sys")):
        listed = subprocess.run(["i686-w64-mingw32-objdump", "-p", image], stdout=subprocess.PIPE,
                                text=True, check=True).stdout
        names.update(re.findall(r"^\t[0-9a-f]+\t\s*\d+\s+(\w+)$", listed, re.M))
    return names


def test_each_export_is_used_by_a_test():
    unused = exported() - named() - imported()
    assert sorted(unused - set(EXCEPTIONS)) == []


def test_exceptions_are_exported_and_not_used():
    assert sorted(set(EXCEPTIONS) - exported()) == []
    assert sorted(set(EXCEPTIONS) & (named() | imported())) == []
