"""The boot set: which files the loader hands to the kernel, and the words on its command line.

Shared by tools/run and tools/mkiso, so that both boot paths (QEMU's direct load and GRUB) hand the
kernel byte for byte the same strings:

  command line    "upperhalf.elf" and then the words, a blank between two. Each word is written as
                  GRUB writes it: a backslash before every backslash and quotation mark, and double
                  quotes around a word that holds a blank.
  a module        its file name, alone.

Both are Multiboot 1 conventions (Multiboot Specification 0.6.96, section 3.3, "cmdline" and
"mods_*"). QEMU puts the file's name first by itself; GRUB does not, so its menu repeats it.

What holds: every module's name matches MODULE_NAME, so it needs no quoting for QEMU (which splits
its list at commas), for GRUB, or for the kernel. Names are compared without regard to case, as the
kernel's object names are.
"""

import os
import re
import shutil
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
KERNEL = os.path.join(ROOT, "build", "upperhalf.elf")
BOOTSET = os.path.join(ROOT, "build", "bootset")

KERNEL_NAME = "upperhalf.elf"
DEMO_DRIVER = "demo.sys"
DEMO_PROGRAM = "demo.exe"

MODULE_NAME = re.compile(r"[A-Za-z0-9._-]{1,63}")
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")

# Where grub-mkrescue finds the BIOS modules. Named outright: on a host that has GRUB's EFI modules
# too it would otherwise put those into the image, and the bytes would depend on the host.
GRUB_MODULES = "/usr/lib/grub/i386-pc"

# The date in the image: fixed, because the same inputs must give the same bytes. 1 January 2026.
IMAGE_DATE = "2026010100000000"
IMAGE_EPOCH = "1767225600"


class BootSetError(Exception):
    """What was asked for cannot be booted; the text is one line for the user."""


def read_list(path):
    """The files that the list at `path` names, one a line, relative to the repository's root."""
    try:
        with open(path, encoding="utf-8") as lines:
            names = [line.strip() for line in lines]
    except OSError as error:
        raise BootSetError(f"{path}: {error.strerror}; run make first") from None
    return [os.path.join(ROOT, name) for name in names if name]


def check_kernel(path):
    """Stops early, and says what to do, when there is no kernel to boot."""
    if not os.path.isfile(path):
        raise BootSetError(f"{path}: no such file; run make first")


def check_module(path):
    """One module must be a readable file whose name every loader takes as it stands."""
    name = os.path.basename(path)
    if not MODULE_NAME.fullmatch(name):
        raise BootSetError(f"{path!r}: a module's name is 1 to 63 of A-Z a-z 0-9 . _ -")
    if not os.path.isfile(path):
        raise BootSetError(f"{path}: no such file")
    if not os.access(path, os.R_OK):
        raise BootSetError(f"{path}: not readable")


def gather(paths, allow_duplicates=False):
    """The modules to load, checked, in order.

    The same file given twice counts once. Two different files of one name are an error: only one
    could be seen under \\SystemRoot\\. With `allow_duplicates` the list is passed on as it stands.
    """
    modules = {}
    for path in paths:
        check_module(path)
        earlier = modules.setdefault(os.path.basename(path).lower(), path)
        if os.path.realpath(earlier) != os.path.realpath(path) and not allow_duplicates:
            raise BootSetError(f"{path}: the boot set has a module of that name: {earlier}")
    return list(paths) if allow_duplicates else list(modules.values())


def require_module(modules, name, option):
    """`name`, which `option` mentions, must be one of the modules."""
    if name.lower() not in (os.path.basename(module).lower() for module in modules):
        raise BootSetError(f"{option}: {name} is not in the boot set (add it with --module)")


def start_words(start, init):
    """The words that say what to run: the first process, and each driver loaded before it."""
    return ["init=" + init] + ["start=" + name for name in start]


def quote_word(word):
    """One word as it stands on the kernel's command line; see the top of this file."""
    if not word or CONTROL_CHARACTER.search(word):
        raise BootSetError(f"{word!r}: a kernel option is neither empty nor has control characters")
    escaped = re.sub(r"""([\\"'])""", r"\\\1", word)
    return f'"{escaped}"' if " " in escaped else escaped


def command_line(words):
    """The whole command line but for the kernel's name, which the loader puts before it."""
    return " ".join(quote_word(word) for word in words)


def grub_quote(word):
    """One word for GRUB's script language; GRUB itself then writes it as quote_word() does."""
    quote_word(word)
    return "'" + word.replace("'", "'\\''") + "'"


def grub_menu(modules, words):
    """The text of grub.cfg: one entry, booted at once."""
    lines = ["set timeout=0", "menuentry 'Upperhalf' {"]
    kernel = ["multiboot", "/boot/" + KERNEL_NAME, KERNEL_NAME] + [grub_quote(w) for w in words]
    lines.append("    " + " ".join(kernel))
    for module in modules:
        name = os.path.basename(module)
        lines.append(f"    module /boot/{name} {name}")
    return "\n".join(lines + ["}", ""])


def make_tree(tree, kernel, modules, words):
    """Lays out the image's files under the directory `tree`."""
    boot = os.path.join(tree, "boot")
    os.makedirs(os.path.join(boot, "grub"))
    shutil.copyfile(kernel, os.path.join(boot, KERNEL_NAME))
    for module in modules:
        shutil.copyfile(module, os.path.join(boot, os.path.basename(module)))
    with open(os.path.join(boot, "grub", "grub.cfg"), "w", encoding="utf-8",
              errors="surrogateescape") as menu:
        menu.write(grub_menu(modules, words))


def check_grub():
    """grub-mkrescue and the modules that it takes, or one line that says what is missing."""
    for program in "grub-mkrescue", "xorriso":
        if not shutil.which(program):
            raise BootSetError(f"{program} not found; run tools/setup")
    if not os.path.isdir(GRUB_MODULES):
        raise BootSetError(f"{GRUB_MODULES} not found; run tools/setup")


def make_iso(output, kernel, modules, words):
    """Writes a bootable CD image to `output`. The same inputs give the same bytes.

    Three things in such an image would hold the present time: the volume's identity, the volume's
    dates and each file's dates. The first is an option of grub-mkrescue, the others are commands to
    xorriso, which grub-mkrescue passes on after "--" (xorriso(1), -volume_date).
    """
    check_grub()
    with tempfile.TemporaryDirectory(prefix="upperhalf-iso-") as scratch:
        tree = os.path.join(scratch, "tree")
        image = os.path.join(scratch, "image.iso")
        make_tree(tree, kernel, modules, words)
        command = ["grub-mkrescue", "-d", GRUB_MODULES, "--fonts=", "--locales=", "--themes=",
                   "-o", image, tree, "--modification-date=" + IMAGE_DATE,
                   "--", "-volume_date", "all_file_dates", "=" + IMAGE_EPOCH]
        result = subprocess.run(command, env=dict(os.environ, SOURCE_DATE_EPOCH=IMAGE_EPOCH),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, check=False)
        if result.returncode != 0 or not os.path.isfile(image):
            tail = result.stdout.decode(errors="replace").strip().splitlines()[-1:]
            raise BootSetError(f"grub-mkrescue failed: {''.join(tail)}")
        # A copy that ends half way must not look like an image to make, hence the rename.
        partial = output + ".partial"
        shutil.copyfile(image, partial)
        os.replace(partial, output)
