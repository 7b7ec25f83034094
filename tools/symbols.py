#!/usr/bin/env python3
"""Makes the kernel's own symbol table from `nm --numeric-sort` of a first link: assembly on
standard output, for the second link. Only functions: names for stack traces (kernel/kd/symbols.c).
"""
import sys


def main():
    functions = []
    for line in sys.stdin:
        address, kind, name = line.split()
        if kind in "tT" and int(address, 16) >= 0x80000000 and not name.startswith("."):
            functions.append((int(address, 16), name))
    print('        .section .kernel.symbols, "a"\n        .balign 4')
    print("        .globl KdSymbolCount, KdSymbolAddresses, KdSymbolNames, KdSymbolText")
    print(f"KdSymbolCount: .long {len(functions)}\nKdSymbolAddresses:")
    for address, _ in functions:
        print(f"        .long {address:#x}")
    print("KdSymbolNames:")
    offset = 0
    for _, name in functions:
        print(f"        .long {offset}")
        offset += len(name) + 1
    print("KdSymbolText:")
    for _, name in functions:
        print(f'        .asciz "{name}"')
    print('        .section .note.GNU-stack, "", @progbits')


if __name__ == "__main__":
    main()
