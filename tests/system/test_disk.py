"""The disk driver, ide.sys: on images made here, whose sectors are filled with their own numbers.

Errors are injected by QEMU's blkdebug. A disk that answers too late is one that QEMU throttles, on
a machine whose clock runs on when nothing happens (--icount): no test waits for a time-out.
"""

import re
import struct

import pytest

import machine
from test_programs import check_passed, module

KERNELS = {"free": [], "checked": ["--kernel", machine.ROOT + "/build/checked/upperhalf.elf"]}
SECTOR = 512
SECTORS = 64 * 2048

# What tests/programs/disk.c expects: a table, and a container with a chain of two tables.
SECOND_START, SECOND_COUNT = 22528, 20480
CONTAINER = 43008
TABLES = {
    0: [(0x80, 0x07, 2048, 20480), (0, 0x83, SECOND_START, SECOND_COUNT),
        (0, 0x05, CONTAINER, 40000), (0, 0x0C, 120000, 20000)],     # the last is too long
    CONTAINER: [(0, 0x0B, 63, 10000), (0, 0x05, 12000, 20000)],
    CONTAINER + 12000: [(0, 0x06, 63, 10000)],
}

STATUS_IO_DEVICE_ERROR, STATUS_IO_TIMEOUT = 0xC0000185, 0xC00000B5


def table(entries):
    """A sector with a partition table."""
    packed = b"".join(struct.pack("<B3xB3xII", *entry) for entry in entries)
    return bytes(446) + packed.ljust(64, b"\0") + b"\x55\xaa"


def numbered(sector):
    """What is in a sector."""
    return struct.pack("<I", sector) * (SECTOR // 4)


def write_image(path, tables=None):
    """A disk image; the file's blocks are filled in order, a megabyte at a time."""
    tables = TABLES if tables is None else tables
    with open(path, "wb") as image:
        for first in range(0, SECTORS, 2048):
            image.write(b"".join(map(numbered, range(first, first + 2048))))
        for sector, entries in tables.items():
            image.seek(sector * SECTOR)
            image.write(table(entries))
    return str(path)


@pytest.fixture(name="image")
def make_image(tmp_path):
    """A fresh image."""
    return write_image(tmp_path / "disk.img")


def sector_of(image, sector):
    """A sector of the image, as it is now."""
    with open(image, "rb") as file:
        file.seek(sector * SECTOR)
        return file.read(SECTOR)


def options(command):
    """A machine with the driver, whose first program is disk.exe."""
    return ["--start", "ide.sys", "--init", command] + module("tests", "disk.exe")


def debugged(image, *rules):
    """The image as disk 0, with blkdebug's rules."""
    drive = "if=none,id=d0,format=raw,file.driver=blkdebug,file.image.filename=" + image
    for number, rule in enumerate(rules):
        drive += "".join(f",file.inject-error.{number}.{part}" for part in rule.split(","))
    return ["--qemu", f"-drive {drive} -device ide-hd,drive=d0,bus=ide.0,unit=0"]


@pytest.mark.parametrize("kernel, cpus", [("free", 1), ("free", 2), ("checked", 1), ("checked", 4)])
def test_a_disk_and_its_partitions_are_read_and_written(image, kernel, cpus):
    check_passed("disk.exe", "--disk", image, "--start", "ide.sys", "--cpus", str(cpus),
                 *KERNELS[kernel])
    mark = b"".join(struct.pack("<I", 0x12345678) for _ in range(SECTOR // 4))
    last = SECOND_START + SECOND_COUNT - 1
    assert sector_of(image, last) == mark
    assert sector_of(image, last - 1) == numbered(last - 1)
    assert sector_of(image, last + 1) == table(TABLES[last + 1])


def test_without_a_disk_the_driver_is_not_loaded():
    status, log = machine.run(options("hello.exe 3"))
    assert status == 3 and "ide.sys is not loaded (status c000000e)" in log, log


def test_what_a_machine_has_is_found(tmp_path, image):
    """Both channels, both drives of one; a CD-ROM is no disk."""
    others = [write_image(tmp_path / name, {}) for name in ("slave.img", "second.img")]
    status, log = machine.run(options("disk.exe read 100") + [
        "--disk", image, "--iso",
        "--qemu", f"-drive if=ide,index=1,format=raw,file={others[0]} "
                  f"-drive if=ide,index=3,format=raw,file={others[1]}"])
    assert status == 0, log
    assert "ide: disk 0: QEMU HARDDISK, 64 MB, 4 partitions, DMA" in log, log
    assert "ide: disk 1: QEMU HARDDISK, 64 MB, 0 partitions, DMA" in log, log
    assert "ide: disk 2: QEMU HARDDISK, 64 MB, 0 partitions, DMA" in log, log
    assert "ide: disk 3" not in log, log


def test_without_a_bus_master_the_processor_moves_the_data(image):
    status, log = machine.run(options("disk.exe") + ["--disk", image, "--qemu", "-machine isapc"])
    assert "ide: disk 0: QEMU HARDDISK, 64 MB, 4 partitions, PIO" in log, log
    failures = [line for line in log.splitlines() if line.startswith("FAIL")]
    assert failures == ["FAIL the adapter has DMA of words"] and status == 1, log


@pytest.mark.parametrize("entries", [
    [(0, 0x05, 100, 1000)],                     # a container whose first table is its own next
    [(0, 0x07, 0, 1000)],                       # begins at the table
    [(0, 0x07, 0xFFFFFFFF, 0xFFFFFFFF)],
    [(0, 0x05, 0xFFFFFFF0, 0xFFFFFFFF)],        # the next table is not on the disk
])
def test_a_senseless_partition_table_does_no_harm(tmp_path, entries):
    tables = {0: entries, 100: [(0, 0x05, 0, 1000)]}
    image = write_image(tmp_path / "disk.img", tables)
    status, log = machine.run(options("disk.exe read 200") + ["--disk", image])
    assert status == 0 and "64 MB, 0 partitions" in log, log
    assert "read: 00000000" in log, log


def test_an_error_of_the_drive_is_reported_and_logged(image):
    status, log = machine.run(options("disk.exe read 5000") +
                              debugged(image, "event=read_aio,sector=5000"))
    assert status == 0 and f"read: {STATUS_IO_DEVICE_ERROR:08x}" in log, log
    assert r"error log: \Driver\ide: error c004000b, status c0000185" in log, log


def test_an_error_that_does_not_come_again_is_only_logged(image):
    status, log = machine.run(options("disk.exe read 5000") +
                              debugged(image, "event=read_aio,sector=5000,once=on"))
    assert status == 0 and "read: 00000000" in log, log
    assert r"error log: \Driver\ide: error 00040001, status 00000000" in log, log


def test_a_flush_reaches_the_medium(image):
    status, log = machine.run(options("disk.exe flush") + debugged(image, "event=flush_to_disk"))
    assert status == 0 and f"flush: {STATUS_IO_DEVICE_ERROR:08x}" in log, log


def kernel_test(*arguments):
    """A machine in which disktest.sys is loaded behind the disk driver."""
    return machine.run(["--start", "ide.sys", "--start", "disktest.sys", "--init", "hello.exe 7",
                        *module("tests", "disktest.sys"), *arguments])


@pytest.mark.parametrize("kernel, cpus", [("free", 1), ("free", 2), ("checked", 1), ("checked", 4)])
def test_drivers_use_it_at_dispatch_level_from_all_processors(image, kernel, cpus):
    status, log = kernel_test("--disk", image, "--cpus", str(cpus), *KERNELS[kernel])
    assert status == 7 and "FAIL" not in log, log
    assert re.search(r"^disktest: [1-9]\d* passed, 0 failed", log, re.M), log
    assert "shutdown: 00000000" in log, log


def test_shutdown_flushes(image):
    status, log = kernel_test(*debugged(image, "event=flush_to_disk"))
    assert status == 7 and f"shutdown: {STATUS_IO_DEVICE_ERROR:08x}" in log, log


def throttle(vm, bytes_per_second):
    """Has QEMU keep the disk to that; 0: to nothing."""
    vm.qmp("block_set_io_throttle", id="disk0", bps=bytes_per_second, bps_rd=0, bps_wr=0, iops=0,
           iops_rd=0, iops_wr=0)


def test_a_disk_that_does_not_answer_is_reset_and_then_given_up(image):
    drive = (f"-drive if=none,id=d0,format=raw,file={image} "
             "-device ide-hd,drive=d0,bus=ide.0,unit=0,id=disk0")
    with machine.Machine(options("disk.exe late") + ["--icount", "--qemu", drive]) as vm:
        vm.wait_for("^ready")
        throttle(vm, 1)
        vm.send("go\n")
        vm.wait_for(f"^too late: {STATUS_IO_TIMEOUT:08x}")
        throttle(vm, 0)
        vm.send("go\n")
        vm.wait_for("^PASS 65536 bytes from sector 100")
        assert vm.wait_exit() == 0
        assert r"error log: \Driver\ide: error c0040009, status c00000b5" in vm.log
