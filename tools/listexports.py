#!/usr/bin/env python3
"""Lists what the kernel exports to drivers, as Markdown, from the .def files.

    tools/listexports.py             prints the list
    tools/listexports.py --check     status 1 if docs/exports.md has another one
    tools/listexports.py --update    writes it there

A comment line of a .def file begins a group; the list stands in docs/exports.md between two marks.
"""

import argparse
import os
import sys
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
FILES = ["ntoskrnl.def", "hal.def", "wmilib.def"]
DOCUMENT = os.path.join(ROOT, "docs", "exports.md")
BEGIN, END = "<!-- begin: tools/listexports.py -->\n", "<!-- end -->\n"


def read_groups(path):
    """The groups of a .def file: [(title, [name])]."""
    groups = []
    with open(path, encoding="ascii") as lines:
        library = next(lines).split()[1]
        for line in lines:
            if line.startswith(";"):
                groups.append((line[1:].strip().rstrip("."), []))
            elif line.strip() and line.strip() != "EXPORTS":
                groups[-1][1].append(line.split(";")[0].strip().split("=")[0])
    return library, groups


def markdown():
    """The whole list."""
    text = []
    for name in FILES:
        library, groups = read_groups(os.path.join(ROOT, "kernel", "exports", name))
        count = sum(len(names) for _, names in groups)
        text.append(f"### {library}: {count} names\n")
        for title, names in groups:
            words = ", ".join(f"`{name}`" for name in sorted(names, key=str.lower))
            heading = f"**{title}.** " if len(groups) > 1 else ""
            text.append(textwrap.fill(heading + words, 100, break_on_hyphens=False) + "\n")
    return "\n".join(text)


def main():
    """The program."""
    parser = argparse.ArgumentParser(prog="tools/listexports.py",
                                     description="List the kernel's exports as Markdown.")
    parser.add_argument("--check", action="store_true", help="compare with docs/exports.md")
    parser.add_argument("--update", action="store_true", help="write it to docs/exports.md")
    options = parser.parse_args()
    if not options.check and not options.update:
        print(markdown(), end="")
        return 0
    with open(DOCUMENT, encoding="utf-8") as document:
        old = document.read()
    before, rest = old.split(BEGIN)
    new = before + BEGIN + "\n" + markdown() + "\n" + END + rest.split(END)[1]
    if options.update:
        with open(DOCUMENT, "w", encoding="utf-8") as document:
            document.write(new)
    elif new != old:
        print("docs/exports.md is out of date; run tools/listexports.py --update", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
