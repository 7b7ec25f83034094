#!/usr/bin/env python3
"""Turns the kernel's .def files into its export table: assembly on standard output.

A line of a .def file's EXPORTS section is NAME or NAME=SYMBOL; `;` begins a comment. The table is
sorted as strcmp sorts, for the kernel searches it by halves.
"""
import sys


def read_def(path):
    exports, wanted = {}, False
    with open(path, encoding="ascii") as lines:
        for number, line in enumerate(lines, 1):
            line = line.split(";")[0].strip()
            if not line or line.startswith("LIBRARY"):
                continue
            if line == "EXPORTS":
                wanted = True
                continue
            if not wanted:
                sys.exit(f"{path}:{number}: text before EXPORTS")
            name, _, symbol = line.partition("=")
            name = name.strip()
            if name in exports:
                sys.exit(f"{path}:{number}: {name} is there twice")
            exports[name] = symbol.strip() or name
    return exports


def main():
    exports = {}
    for path in sys.argv[1:]:
        for name, symbol in read_def(path).items():
            if exports.setdefault(name, symbol) != symbol:
                sys.exit(f"{path}: {name} is exported as {symbol} and as {exports[name]}")
    names = sorted(exports, key=lambda name: name.encode())
    print("        .section .rodata\n        .balign 4\n        .globl LdrExportCount, LdrExports")
    print(f"LdrExportCount: .long {len(names)}\nLdrExports:")
    for index, name in enumerate(names):
        print(f"        .long 1f + {sum(len(n) + 1 for n in names[:index])}, {exports[name]}")
    print("1:")
    for name in names:
        print(f'        .asciz "{name}"')
    print('        .section .note.GNU-stack, "", @progbits')


if __name__ == "__main__":
    main()
