"""The build: the same sources give the same bytes wherever and whenever they are built, nothing is
built twice, and everything that depends on a changed file is built again.

The tests build a copy of the tree, in a folder whose path has another length.
"""

import os
import re
import shutil
import subprocess

import pytest

from machine import ROOT
from test_programs import long

# The build is silent for minutes on a slow host.
BUILD_PATIENCE = 1200

# Objects that include mm/layout.h, in assembly and in C, directly and not; and some that do not.
LAYOUT_DEPENDENTS = {"obj/boot/multiboot.S.o", "obj/mm/space.c.o", "obj/sched/switch.S.o",
                     "obj/kernel/main.c.o"}
LAYOUT_INDEPENDENT = {"obj/kernel/ldr/pe.c.o", "pe/drivers/demo/demo.o", "pe/user/demo/demo.c.o"}

# All that include boot/options.h, and what is made of them.
OPTIONS_DEPENDENTS = {"obj/boot/loader.c.o", "obj/boot/options.c.o", "obj/kernel/hal/acpi.c.o",
                      "obj/kernel/hal/firmware.c.o", "obj/kernel/hal/mptable.c.o",
                      "obj/mm/init.c.o", "obj/symbols.S", "obj/symbols.o", "upperhalf.elf",
                      "upperhalf.iso"}


def make(tree, *targets, check=True):
    """Runs make in a tree, with nothing of the tests' own make in its environment."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CHECKED", "V")}
    result = subprocess.run(["make", "-C", str(tree), "--no-print-directory"] + list(targets),
                            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, check=False,
                            timeout=BUILD_PATIENCE)
    assert result.returncode == 0 or not check, result.stdout[-3000:]
    return result


def sources():
    """The files that belong to the tree: git's, and new ones that it does not ignore."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                            check=True).stdout
    return [name for name in listed.split("\0")
            if name and os.path.isfile(os.path.join(ROOT, name))]


def copy_tree(target):
    """Copies the sources, without what has been built from them."""
    for name in sources():
        place = os.path.join(target, name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        shutil.copy2(os.path.join(ROOT, name), place)
    return target


def products(tree):
    """What the build is for, by name: the kernel, the image, drivers and programs, as bytes."""
    build = os.path.join(tree, "build")
    names = ["upperhalf.elf", "upperhalf.iso", "bootset"]
    for folder in "drivers", "user":
        names += [os.path.join(folder, name) for name in os.listdir(os.path.join(build, folder))
                  if name.endswith((".sys", ".exe", ".dll"))]
    contents = {}
    for name in sorted(names):
        with open(os.path.join(build, name), "rb") as file:
            contents[name] = file.read()
    return contents


def check_same(first, second):
    """Two builds' products have the same names and the same bytes."""
    assert list(first) == list(second)
    assert [name for name in first if first[name] != second[name]] == []


def times(tree):
    """When each file of a build was last written."""
    return {os.path.relpath(os.path.join(folder, name), os.path.join(tree, "build")):
            os.stat(os.path.join(folder, name)).st_mtime_ns
            for folder, _, names in os.walk(os.path.join(tree, "build")) for name in names}


@pytest.fixture(name="copy", scope="module")
def fixture_copy(tmp_path_factory):
    """A copy of the tree, built from nothing."""
    tree = copy_tree(str(tmp_path_factory.mktemp("a-copy-of-the-tree-with-another-path")))
    make(tree, "-j2", "all")
    yield tree
    shutil.rmtree(tree)


def test_a_build_elsewhere_gives_the_same_bytes(copy):
    # What is compared with is the build under test, whatever steps led to it.
    if make(ROOT, "-q", "all", check=False).returncode:
        make(ROOT, "-j2", "all")
    here = products(ROOT)
    assert {"upperhalf.elf", "upperhalf.iso", "drivers/demo.sys", "user/ntdll.dll",
            "user/demo.exe"} <= set(here)
    check_same(here, products(copy))


def test_no_product_holds_the_path_that_it_was_built_in(copy):
    for tree in ROOT, copy:
        for name, contents in products(tree).items():
            assert tree.encode() not in contents, name


def test_a_second_make_does_nothing(copy):
    before = times(copy)
    result = make(copy, "all")
    assert times(copy) == before
    assert "Nothing to be done" in result.stdout and len(result.stdout.splitlines()) == 1


def touch(copy, *path):
    """Makes a file newer than all that was built."""
    os.utime(os.path.join(copy, *path))


def rewritten(before, after):
    """The files of a build that are not as old as they were, but for notes of what they include."""
    return {name for name in after if after[name] != before.get(name) and not name.endswith(".d")}


def planned_for(copy, *path):
    """The objects that make would build again if a file changed. It is asked, nothing is done."""
    name = os.path.join(*path)
    return set(re.findall(r" -o build/(\S+\.o)\b", make(copy, "-n", "-W", name, "all").stdout))


def test_all_that_includes_a_changed_header_is_built_again(copy):
    planned = planned_for(copy, "mm", "layout.h")
    assert LAYOUT_DEPENDENTS <= planned and not LAYOUT_INDEPENDENT & planned


def test_a_changed_list_is_turned_into_code_again(copy):
    assert "obj/exports.S.o" in planned_for(copy, "kernel", "exports", "hal.def")
    planned = planned_for(copy, "kernel", "services.def")
    assert {"obj/kernel/ke/service.c.o", "pe/user/ntdll/services.S.o"} <= planned


def test_a_changed_header_rebuilds_that_and_nothing_else(copy):
    before, contents = times(copy), products(copy)
    touch(copy, "boot", "options.h")
    make(copy, "-j2", "all")
    assert rewritten(before, times(copy)) == OPTIONS_DEPENDENTS
    check_same(contents, products(copy))


def test_a_changed_driver_rebuilds_its_file_and_the_image(copy):
    before, contents = times(copy), products(copy)
    touch(copy, "drivers", "demo", "device.h")
    make(copy, "-j2", "all")
    changed = rewritten(before, times(copy))
    assert {"drivers/demo.sys", "upperhalf.iso"} <= changed
    assert all(name.startswith("pe/drivers/demo/") for name in
               changed - {"drivers/demo.sys", "upperhalf.iso", "bootset"})
    check_same(contents, products(copy))


@long
def test_a_second_build_after_make_clean_gives_the_same_bytes(copy):
    contents = products(copy)
    make(copy, "clean")
    make(copy, "-j2", "all")
    check_same(contents, products(copy))


def test_make_clean_leaves_the_sources_and_nothing_else(copy):
    make(copy, "clean")
    left = {os.path.relpath(os.path.join(folder, name), copy)
            for folder, _, names in os.walk(copy) for name in names
            if "__pycache__" not in folder}
    assert left == set(sources())
