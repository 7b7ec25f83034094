# Upperhalf's build. `make help` says what there is to make.
#
#   make run     builds, and watches the demonstration
#   make test    builds, and proves it
#
# Options: CHECKED=1  the checked build: -Og, every assertion (goes to build/checked)

ifeq ($(CHECKED),1)
BUILD  := build/checked
OPTIMISE := -Og -DDBG=1
else
BUILD  := build
OPTIMISE := -O2
endif

CC    := i686-linux-gnu-gcc
LD    := i686-linux-gnu-ld
NM    := i686-linux-gnu-nm
PECC  := i686-w64-mingw32-gcc
SEHCC := clang
MINGW := /usr/share/mingw-w64/include

# make V=1 shows the commands; else a line a file.
Q := $(if $(V),,@)
say = @$(if $(V),:,printf '  %-7s %s\n' '$(1)' '$(2)')

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help run test test-long bench gdb clean setup

all: $(BUILD)/upperhalf.elf $(BUILD)/bootset $(BUILD)/upperhalf.iso

help:
	@sed -n 's/^#   /  /p' Makefile
	@echo "  make all | test-long | bench | gdb | figures | headers | clean"

# --- the kernel ---------------------------------------------------------------------------------

# The DDK headers as ELF sees them: kernel/nt.h has the rest.
# -freg-struct-return: a LARGE_INTEGER comes back in EDX:EAX, as the PE compilers have it.
NTFLAGS := -march=i686 -std=gnu11 -fshort-wchar -freg-struct-return -fms-extensions \
	-mms-bitfields -Wno-multichar -D_X86_ -D_WIN32 -D__MINGW32__ -D_NTOSKRNL_ \
	-D_NTSYSTEM_ -D_NTHAL_ -D_WIN32_WINNT=0x0601 \
	-I. -isystem $(MINGW)/ddk -isystem $(MINGW)

CFLAGS := $(NTFLAGS) $(OPTIMISE) -g -ffreestanding -fno-pic -fno-stack-protector \
	-fno-strict-aliasing -fno-omit-frame-pointer -fno-asynchronous-unwind-tables \
	-mgeneral-regs-only -mpreferred-stack-boundary=2 -ffile-prefix-map=$(CURDIR)=. \
	-Wall -Wextra -Werror -Wmissing-prototypes -MMD -MP -I$(BUILD)/include

KERNEL_SOURCES := $(sort $(wildcard boot/*.[cS] kernel/*.c kernel/*/*.[cS] mm/*.c sched/*.[cS]))
KERNEL_SOURCES := $(filter-out kernel/ke/offsets.c,$(KERNEL_SOURCES))
KERNEL_OBJECTS := $(KERNEL_SOURCES:%=$(BUILD)/obj/%.o) $(BUILD)/obj/exports.S.o
GENERATED := $(BUILD)/include/build/offsets.h $(BUILD)/include/build/bugcodes.inc \
	$(BUILD)/include/build/doserrors.inc

$(BUILD)/upperhalf.elf: $(KERNEL_OBJECTS) linker.ld tools/symbols.py
	$(call say,LINK,$@)
	$(Q)$(LD) -T linker.ld -nostdlib --build-id=none -o $@.first $(KERNEL_OBJECTS)
	$(Q)$(NM) --numeric-sort $@.first | python3 tools/symbols.py > $(BUILD)/obj/symbols.S
	$(Q)$(CC) -c -o $(BUILD)/obj/symbols.o $(BUILD)/obj/symbols.S
	$(Q)$(LD) -T linker.ld -nostdlib --build-id=none -o $@ $(KERNEL_OBJECTS) \
		$(BUILD)/obj/symbols.o
	@rm -f $@.first

$(BUILD)/obj/%.c.o: %.c Makefile | $(GENERATED)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<

$(BUILD)/obj/%.S.o: %.S Makefile | $(GENERATED)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<

EXPORTS := $(sort $(wildcard kernel/exports/*.def))
$(BUILD)/obj/exports.S.o: tools/exports.py $(EXPORTS)
	@mkdir -p $(@D)
	$(call say,EXPORTS,kernel/exports)
	$(Q)python3 tools/exports.py $(EXPORTS) > $(@:.o=)
	$(Q)$(CC) -c -o $@ $(@:.o=)

# Offsets of C structures for assembly: "->NAME VALUE" lines of a compilation, as defines.
$(BUILD)/include/build/offsets.h: kernel/ke/offsets.c Makefile
	@mkdir -p $(@D) $(BUILD)/obj
	$(Q)$(CC) $(CFLAGS) -MF $(BUILD)/obj/offsets.d -MT $@ -S -o - $< | \
		sed -n 's/^->\([A-Za-z0-9_]*\) \(.*\)/#define \1 \2/p' > $@

# Names of the bug checks, from the public header.
$(BUILD)/include/build/bugcodes.inc: $(MINGW)/bugcodes.h
	@mkdir -p $(@D)
	$(Q)sed -n 's/^#define[ \t]*\(\w*\)[ \t]*((ULONG)\(0x[0-9a-fA-F]*\)).*/{\2, "\1"},/p' \
		$< > $@

# Win32's errors by status, from the public headers.
$(BUILD)/include/build/doserrors.inc: tools/doserrors.py
	@mkdir -p $(@D)
	$(Q)python3 $< $(MINGW)/ntstatus.h $(MINGW)/winerror.h > $@

# --- drivers and programs -----------------------------------------------------------------------

PEFLAGS := -march=i686 -std=gnu11 -O2 -g -ffreestanding -fno-omit-frame-pointer -Wno-multichar \
	-fno-ident -ffile-prefix-map=$(CURDIR)=. -Wall -Wextra -Werror -D_WIN32_WINNT=0x0601 \
	-MMD -MP
PELINK := -nostdlib -Wl,--no-insert-timestamp -Wl,--dynamicbase

# min-pagesize=0: the headers read the KPCR at small offsets from FS, which are no null pointers.
DRIVER_FLAGS := $(PEFLAGS) -I$(MINGW)/ddk --param=min-pagesize=0
DRIVER_LINK  := $(PELINK) -Wl,--subsystem,native -Wl,--entry,_DriverEntry@8 \
	-Wl,--image-base,0x10000 -Wl,--exclude-all-symbols -shared

# GCC has no __try for this processor; clang has, if it compiles as Microsoft's compiler would. Then
# the headers have to be told that they are mingw's. Its list of handlers (.sxdata) is for another
# linker than ours, and not looked at (docs/exceptions.md).
SEH_FLAGS := --target=i686-pc-windows-msvc -fms-extensions -fasync-exceptions -fgnuc-version=12 \
	-fno-ms-compatibility -U_MSC_VER -U_MSC_FULL_VER -D__MINGW32__ -D_X86_ -nostdlibinc \
	-march=i686 -std=gnu11 -O2 -gdwarf -ffreestanding -fno-omit-frame-pointer \
	-ffile-prefix-map=$(CURDIR)=. \
	-isystem $(MINGW)/ddk -isystem $(MINGW) -Wall -Wextra -Werror -Wno-multichar \
	-D_WIN32_WINNT=0x0601 -MMD -MP

# So seh/ in a driver's folder, and in the tests', has what uses __try.
SEH_OBJECTS := $(patsubst %.c,$(BUILD)/pe/%.o,$(wildcard drivers/*/seh/*.c tests/drivers/seh/*.c))

DRIVERS := $(patsubst drivers/%/,%,$(sort $(dir $(wildcard drivers/*/*.c))))
SEH_TEST_DRIVERS := $(basename $(notdir $(sort $(wildcard tests/drivers/seh/*.c))))
TEST_DRIVERS := $(basename $(notdir $(sort $(wildcard tests/drivers/*.c)))) $(SEH_TEST_DRIVERS)

define DRIVER_RULE
$(BUILD)/drivers/$(1).sys: $$(patsubst %.c,$(BUILD)/pe/%.o, \
		$$(sort $$(wildcard drivers/$(1)/*.c drivers/$(1)/seh/*.c)))
	@mkdir -p $$(@D)
	$$(call say,SYS,$$@)
	$(Q)$(PECC) $(DRIVER_LINK) -o $$@ $$^ -lntoskrnl -lhal -lwmilib -lgcc
endef
$(foreach driver,$(DRIVERS),$(eval $(call DRIVER_RULE,$(driver))))

$(BUILD)/tests/%.sys: $(BUILD)/pe/tests/drivers/%.o
	@mkdir -p $(@D)
	$(call say,SYS,$@)
	$(Q)$(PECC) $(DRIVER_LINK) -o $@ $^ -lntoskrnl -lhal -lwmilib -lgcc

$(SEH_TEST_DRIVERS:%=$(BUILD)/tests/%.sys): $(BUILD)/tests/%.sys: \
		$(BUILD)/pe/tests/drivers/seh/%.o
	@mkdir -p $(@D)
	$(call say,SYS,$@)
	$(Q)$(PECC) $(DRIVER_LINK) -o $@ $^ -lntoskrnl -lhal -lgcc

$(BUILD)/pe/drivers/%.o: drivers/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(PECC) $(DRIVER_FLAGS) -c -o $@ $<

$(BUILD)/pe/tests/drivers/%.o: tests/drivers/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(PECC) $(DRIVER_FLAGS) -c -o $@ $<

$(SEH_OBJECTS): $(BUILD)/pe/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(SEHCC) $(SEH_FLAGS) -c -o $@ $<
	$(Q)i686-w64-mingw32-objcopy --remove-section .sxdata $@

include user/rules.mk

BOOT_FILES := $(DRIVERS:%=$(BUILD)/drivers/%.sys) $(USER_FILES)
TEST_FILES := $(TEST_DRIVERS:%=$(BUILD)/tests/%.sys) $(TEST_PROGRAMS)

$(BUILD)/bootset: $(BOOT_FILES) Makefile
	@printf '%s\n' $(BOOT_FILES) > $@

$(BUILD)/upperhalf.iso: $(BUILD)/upperhalf.elf $(BUILD)/bootset tools/mkiso tools/bootset.py
	$(call say,ISO,$@)
	$(Q)tools/mkiso --kernel $(BUILD)/upperhalf.elf --bootset $(BUILD)/bootset $@

# --- running and testing ------------------------------------------------------------------------

# A file's tests share what they have prepared, so they stay together: one file a processor.
PYTEST_FLAGS := -q -n auto --dist loadfile

setup:
	@tools/setup

run: setup
	@$(MAKE) --no-print-directory $(BUILD)/upperhalf.elf $(BUILD)/bootset
	tools/run --iso --kernel $(BUILD)/upperhalf.elf --bootset $(BUILD)/bootset

test: setup
	@$(MAKE) --no-print-directory all tests
	@$(MAKE) --no-print-directory CHECKED=1 build/checked/upperhalf.elf
	$$(tools/setup --pytest) $(PYTEST_FLAGS) tests

test-long: setup
	@$(MAKE) --no-print-directory all tests
	@$(MAKE) --no-print-directory CHECKED=1 build/checked/upperhalf.elf
	UPPERHALF_LONG=1 $$(tools/setup --pytest) $(PYTEST_FLAGS) tests

.PHONY: figures headers
# What the sources are held to.
figures:
	@tools/figures

# Each of the kernel's headers compiles alone.
HEADERS := $(sort $(wildcard boot/*.h kernel/*.h kernel/*/*.h mm/*.h sched/*.h))
headers: $(GENERATED)
	$(Q)for header in $(HEADERS); do \
		$(CC) $(filter-out -MMD -MP,$(CFLAGS)) -fsyntax-only -x c \
			-include $$header /dev/null || exit 1; done

.PHONY: tests
tests: $(TEST_FILES) unit

include tests/unit/rules.mk

# Guest instructions of the hot paths: the same on every host. Writes build/bench.json, too.
bench: setup
	@$(MAKE) --no-print-directory all tests
	@tools/bench

gdb: setup
	@$(MAKE) --no-print-directory all
	tools/debug

clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
