# Host unit tests: kernel code as 32-bit Linux programs, under ASan and UBSan.

UNIT_FLAGS := $(NTFLAGS) -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -Wall -Wextra -Werror -DDBG=1 -MMD -MP
UNIT_LINK := -Wl,--dynamic-linker=/usr/i686-linux-gnu/lib/ld-linux.so.2 \
	-Wl,-rpath,/usr/i686-linux-gnu/lib

UNITS := options pe pool protect rtl

.PHONY: unit
unit: $(UNITS:%=build/unit/test_%) build/unit/pe_sample.sys build/unit/pe_low.sys

build/unit/test_pe: tests/unit/test_pe.c kernel/ldr/pe.c kernel/ldr/pelink.c
build/unit/test_rtl: tests/unit/test_rtl.c $(wildcard kernel/rtl/*.c) kernel/rtl/integer.S
build/unit/test_rtl: UNIT_FLAGS += -mincoming-stack-boundary=2 -include tests/unit/crt_names.h
build/unit/test_pool: tests/unit/test_pool.c
build/unit/test_protect: tests/unit/test_protect.c mm/protect.c
build/unit/test_options: tests/unit/test_options.c boot/options.c boot/loader.c kernel/rtl/crt.c
build/unit/test_options: UNIT_FLAGS += -include tests/unit/crt_names.h

build/unit/test_%: tests/unit/unit.h
	@mkdir -p $(@D)
	$(call say,UNIT,$@)
	$(Q)$(CC) $(UNIT_FLAGS) -MF $@.d -MT $@ $(filter %.c %.S,$^) $(UNIT_LINK) -o $@

PE_SAMPLE := $(PECC) -O2 -shared -nostdlib -I$(MINGW)/ddk -Wl,--subsystem,native \
	-Wl,--entry,_DriverEntry@8 -Wl,--image-base,0x10000 -Wl,--enable-stdcall-fixup \
	-Wl,--no-insert-timestamp
PE_SOURCES := tests/unit/pe_sample.c tests/unit/pe_sample.def

build/unit/pe_sample.sys: $(PE_SOURCES)
	@mkdir -p $(@D)
	$(PE_SAMPLE) -o $@ $^ -lntoskrnl -lhal

build/unit/pe_low.sys: $(PE_SOURCES)
	@mkdir -p $(@D)
	$(PE_SAMPLE) -Wl,--section-alignment,0x80 -Wl,--file-alignment,0x80 -o $@ $^ -lntoskrnl -lhal
