# Host unit tests: kernel code as 32-bit Linux programs, under ASan and UBSan.

UNIT_FLAGS := $(NTFLAGS) -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -Wall -Wextra -Werror -DDBG=1 -MMD -MP
UNIT_LINK := -Wl,--dynamic-linker=/usr/i686-linux-gnu/lib/ld-linux.so.2 \
	-Wl,-rpath,/usr/i686-linux-gnu/lib

UNITS := firmware ide lznt1 npx options pe pool protect regfile rtl rtltables rtltext se

UNIT_firmware := kernel/hal/acpi.c kernel/hal/firmware.c kernel/hal/mptable.c
UNIT_ide      := # includes its source
UNIT_lznt1    := kernel/rtl/lznt1.c
UNIT_npx      := kernel/ke/npxstatus.c
UNIT_options  := boot/options.c boot/loader.c kernel/rtl/crt.c
UNIT_pe       := kernel/ldr/pe.c kernel/ldr/pelink.c
UNIT_pool     := # includes its sources
UNIT_protect  := mm/protect.c
UNIT_regfile  := kernel/cm/regfile.c kernel/rtl/case.c kernel/rtl/crt.c
UNIT_rtl      := $(wildcard kernel/rtl/*.c) kernel/rtl/integer.S
UNIT_rtltables := $(UNIT_rtl)
UNIT_rtltext   := $(UNIT_rtl)
UNIT_se        := $(UNIT_rtl) kernel/se/acl.c kernel/se/secdesc.c kernel/se/sid.c

# The kernel's C library routines have the host's names: there they are called otherwise.
UNIT_FLAGS_options := -include tests/unit/crt_names.h
UNIT_FLAGS_regfile := -include tests/unit/crt_names.h
UNIT_FLAGS_rtl     := -Ibuild/include -include tests/unit/crt_names.h -mincoming-stack-boundary=2
UNIT_FLAGS_rtltables := $(UNIT_FLAGS_rtl)
UNIT_FLAGS_rtltext   := $(UNIT_FLAGS_rtl)
UNIT_FLAGS_se        := $(UNIT_FLAGS_rtl)

.PHONY: unit
unit: $(UNITS:%=build/unit/test_%) build/unit/pe_sample.sys build/unit/pe_low.sys

build/unit/test_rtl build/unit/test_rtltables build/unit/test_rtltext build/unit/test_se: \
		build/include/build/doserrors.inc

define UNIT_RULE
build/unit/test_$(1): tests/unit/test_$(1).c $$(UNIT_$(1)) tests/unit/rules.mk
	@mkdir -p $$(@D)
	$$(call say,UNIT,$$@)
	$(Q)$(CC) $(UNIT_FLAGS) $$(UNIT_FLAGS_$(1)) -MF $$@.d -MT $$@ tests/unit/test_$(1).c \
		$$(UNIT_$(1)) $(UNIT_LINK) -o $$@
endef
$(foreach unit,$(UNITS),$(eval $(call UNIT_RULE,$(unit))))

PE_SAMPLE := $(PECC) -O2 -shared -nostdlib -I$(MINGW)/ddk -Wl,--subsystem,native \
	-Wl,--entry,_DriverEntry@8 -Wl,--image-base,0x10000 -Wl,--enable-stdcall-fixup \
	-Wl,--no-insert-timestamp
PE_SOURCES := tests/unit/pe_sample.c tests/unit/pe_sample.def

build/unit/pe_sample.sys: $(PE_SOURCES)
	@mkdir -p $(@D)
	$(Q)$(PE_SAMPLE) -o $@ $^ -lntoskrnl -lhal

build/unit/pe_low.sys: $(PE_SOURCES)
	@mkdir -p $(@D)
	$(Q)$(PE_SAMPLE) -Wl,--section-alignment,0x80 -Wl,--file-alignment,0x80 -o $@ $^ \
		-lntoskrnl -lhal
