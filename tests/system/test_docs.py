"""The documents say what is there: the files, links, commands, options, exports and addresses that
they name exist. No machine is started; whether the commands print what the documents show is not
looked at here.

What is code in a document is what stands between backticks, in a fenced block, or in a block that
is indented by four blanks. Words in capitals (NAME, FILE, Xxx) stand for something of the reader's.
"""

import glob
import os
import re
import subprocess
import sys

import pytest

from machine import ROOT
from pagetables import read_layout

DOCUMENTS = ["README.md"] + sorted(
    os.path.relpath(path, ROOT) for path in glob.glob(os.path.join(ROOT, "docs", "*.md")))
ROOMS = ["boot", "kernel", "mm", "sched", "drivers", "user", "tests", "tools", "docs"]
PLACEHOLDER = re.compile(r"NAME|FILE|Xxx|\.\.\.")

# The rows of docs/address-space.md's map, by how their text begins: the first address, and the one
# behind the last if the row shows a range. (Where the mapping slots end depends on how many
# processors the kernel provides for.)
LAYOUT = read_layout()
MAP = {
    "no access: catches": (0, LAYOUT["MI_LOWEST_USER_ADDRESS"]),
    "the process's own half": (LAYOUT["MI_LOWEST_USER_ADDRESS"], LAYOUT["MI_USER_PROBE_ADDRESS"]),
    "KUSER_SHARED_DATA, read-only": (LAYOUT["MI_USER_SHARED_ADDRESS"], None),
    "no access: keeps": (LAYOUT["MI_USER_PROBE_ADDRESS"], LAYOUT["MI_SYSTEM_BASE"]),
    "window onto physical memory": (LAYOUT["MI_WINDOW_BASE"],
                                    LAYOUT["MI_WINDOW_BASE"] + LAYOUT["MI_WINDOW_SIZE"]),
    "not mapped": (LAYOUT["MI_WINDOW_BASE"] + LAYOUT["MI_WINDOW_SIZE"],
                   LAYOUT["MI_PAGED_POOL_START"]),
    "paged pool": (LAYOUT["MI_PAGED_POOL_START"], LAYOUT["MI_PAGED_POOL_END"]),
    "system PTEs": (LAYOUT["MI_SYSTEM_PTE_START"], LAYOUT["MI_SYSTEM_PTE_END"]),
    "nonpaged pool": (LAYOUT["MI_NONPAGED_POOL_START"], LAYOUT["MI_NONPAGED_POOL_END"]),
    "mapping slots": (LAYOUT["MI_MAPPING_SLOTS"], None),
    "KUSER_SHARED_DATA, where": (LAYOUT["MI_SYSTEM_SHARED"], None),
    "KPCR of processor 0": (LAYOUT["MI_PCR_ADDRESS"], None),
}


def read(path):
    """A file of the repository."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def exists(path):
    """Is there a file or folder of that name? It may be a pattern."""
    return bool(glob.glob(os.path.join(ROOT, path)))


def code_of(document):
    """All that is code in a document, a piece each: a line of a block, or what is in backticks."""
    text = read(document)
    fenced = re.compile(r"^```.*?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    lines = [line for block in fenced.findall(text) for line in block.splitlines()]
    text = fenced.sub("", text)
    for block in re.findall(r"\n\n((?: {4}\S.*\n)+)", text):
        lines += block.splitlines()
    return lines + [code.replace("\n", " ") for code in re.findall(r"`([^`]+)`", text)]


def sources_of(product):
    """What build/tests/NAME.sys or .exe, or another file of build/, is made from."""
    folder, name = os.path.split(product)
    stem, suffix = os.path.splitext(name)
    if folder == "build/tests":
        return f"tests/{'drivers' if suffix == '.sys' else 'programs'}/{stem}.c"
    if folder in ("build/drivers", "build/user"):
        return f"{folder[len('build/'):]}/{stem}"
    return "Makefile"


def heading_anchors(document):
    """The names by which links reach a document's headings."""
    text = re.sub(r"^```.*?^```$", "", read(document), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def options_of(tool):
    """The options that a program of tools/ lists when asked for help."""
    shown = subprocess.run([sys.executable, os.path.join(ROOT, "tools", tool), "--help"],
                           stdout=subprocess.PIPE, check=True, timeout=60).stdout.decode()
    return set(re.findall(r"(?<![\w-])--[a-z-]+", shown))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_exists(document):
    text = read(document)
    named = re.findall(rf"(?<![\w/.])(?:{'|'.join(ROOMS)})/[\w./*-]*", text)
    named += re.findall(r"`([\w*-]+\.(?:c|h|S|py|def|mk|md))`", text)
    named = [name.rstrip(".") for name in named if not PLACEHOLDER.search(name)]
    missing = [name for name in named if not exists(name) and not exists("*/" + name)
               and not exists("*/*/" + name)]
    products = re.findall(r"(?<![\w/.])build/[\w./]+", text)
    missing += [product for product in products
                if not PLACEHOLDER.search(product) and not exists(sources_of(product))]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document):
    for link in re.findall(r"\]\(([^)]+)\)", read(document)):
        path, _, anchor = link.partition("#")
        path = os.path.join(os.path.dirname(document), path) if path else document
        target = os.path.normpath(path)
        assert exists(target), link
        assert not anchor or anchor in heading_anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_that_a_document_names_exists(document):
    makefiles = read("Makefile") + read("tests/unit/rules.mk")
    targets = set(" ".join(re.findall(r"^([a-z][\w -]*):(?!=)", makefiles, re.MULTILINE)).split())
    for code in code_of(document):
        for words in re.findall(r"(?:^|[ $;])make((?: [\w=./-]+)+)", code):
            named = {word for word in words.split() if "=" not in word and "/" not in word}
            assert named <= targets, code


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_option_of_tools_run_that_a_document_names_exists(document):
    options = options_of("run")
    for code in code_of(document):
        command = re.search(r"tools/(?:run|debug)\b(.*?)(?: -- |[|;]|$)", code)
        if command:
            assert set(re.findall(r"(?<!\S)--[a-z-]+", command[1])) <= options, code


def test_the_table_of_options_is_complete():
    rows = re.findall(r"^\| (`--.*?) \|", read("docs/testing.md"), re.MULTILINE)
    documented = set(re.findall(r"--[a-z-]+", " ".join(rows)))
    assert documented == options_of("run") - {"--help"}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_test_that_a_document_names_exists(document):
    tests = "".join(map(read, glob.glob("tests/*/test_*.py", root_dir=ROOT)))
    for name in re.findall(r"`(test_\w+)`", read(document)):
        assert re.search(rf"^def {name}\(", tests, re.MULTILINE), name


def test_the_table_of_system_tests_is_complete():
    document = read("docs/testing.md")
    assert not [name for name in glob.glob("test_*.py", root_dir=os.path.dirname(__file__))
                if f"`{name}`" not in document]


def test_the_table_of_rooms_is_complete():
    document = read("docs/house.md")
    assert not [room for room in glob.glob("kernel/*/", root_dir=ROOT)
                if room != "kernel/exports/" and f"| `{room}` |" not in document]


def test_the_list_of_exports_is_that_of_the_def_files():
    listexports = os.path.join(ROOT, "tools", "listexports.py")
    assert subprocess.run([sys.executable, listexports, "--check"], timeout=60).returncode == 0


def test_the_map_of_the_address_space_is_that_of_the_code():
    rows = re.findall(r"^ *([0-9A-F]{8})(?: - ([0-9A-F]{8}))? +(\S.*)$",
                      read("docs/address-space.md"), re.MULTILINE)
    for begin, (first, behind) in MAP.items():
        shown, = (row for row in rows if row[2].startswith(begin))
        assert int(shown[0], 16) == first, begin
        assert behind is None or int(shown[1], 16) == behind - 1, begin
