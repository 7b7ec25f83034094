# Programs: ntdll.dll, the library that programs are linked with, the programs, the tests among
# them. The Makefile includes this and has PEFLAGS, PELINK and the list of drivers.
#
#   USER_FILES      what belongs to the boot set
#   TEST_PROGRAMS   tests/programs/NAME.c as build/tests/NAME.exe

# GCC takes fs:[18h], where the environment block's address is, for an object at address 18h.
USER_FLAGS := $(PEFLAGS) --param=min-pagesize=0 -fno-asynchronous-unwind-tables \
	-I. -Iuser/include -Iuser/lib
USER_LINK  := $(PELINK) -Wl,--subsystem,native -Wl,--entry,_NtProcessStartup@4 \
	-Wl,--image-base,0x400000

# kernel/rtl compiled once more: kernel/nt.h defines the keywords that this compiler knows itself.
USER_RTL       := print crt wcs string memory case random integer
USER_RTL_FLAGS := $(PEFLAGS) --param=min-pagesize=0 -fno-asynchronous-unwind-tables -I. \
	-I$(MINGW)/ddk -D_NTOSKRNL_ -D_NTSYSTEM_ -D_CRTIMP= \
	-U__declspec -U__stdcall -U__fastcall -U__cdecl -U__int8

# So is kernel/seh.
USER_SHARED := $(USER_RTL:%=kernel/rtl/%.c) $(sort $(wildcard kernel/seh/*.[cS]))

NTDLL_OBJECTS := $(patsubst %,$(BUILD)/pe/%.o,$(sort $(wildcard user/ntdll/*.[cS]))) \
	$(USER_SHARED:%=$(BUILD)/pe/user/ntdll/%.o)
LIBRARY_OBJECTS := $(patsubst %,$(BUILD)/pe/%.o,$(sort $(wildcard user/lib/*.c)))
USER_LIBRARIES := $(BUILD)/user/libuser.a $(BUILD)/user/libntdll.a

# Each other folder of user/ is a program.
PROGRAMS := $(filter-out ntdll lib,$(patsubst user/%/,%,$(sort $(dir $(wildcard user/*/*.c)))))

USER_FILES := $(BUILD)/user/ntdll.dll $(PROGRAMS:%=$(BUILD)/user/%.exe)
SEH_TEST_PROGRAMS := $(patsubst tests/programs/seh/%.c,$(BUILD)/tests/%.exe,\
	$(sort $(wildcard tests/programs/seh/*.c)))
TEST_PROGRAMS := $(patsubst tests/programs/%.c,$(BUILD)/tests/%.exe,\
	$(sort $(wildcard tests/programs/*.c))) $(SEH_TEST_PROGRAMS)

$(BUILD)/pe/user/%.c.o: user/%.c Makefile user/rules.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(PECC) $(USER_FLAGS) -c -o $@ $<

$(BUILD)/pe/user/%.S.o: user/%.S Makefile user/rules.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(PECC) $(USER_FLAGS) -c -o $@ $<

$(BUILD)/pe/user/ntdll/kernel/%.o: kernel/% Makefile user/rules.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(PECC) $(USER_RTL_FLAGS) -c -o $@ $<

$(BUILD)/pe/tests/programs/%.o: tests/programs/%.c Makefile user/rules.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(PECC) $(USER_FLAGS) -c -o $@ $<

# With __try: by clang, as the drivers that use it (Makefile), which knows one kind of printf.
$(BUILD)/pe/tests/programs/seh/%.o: tests/programs/seh/%.c Makefile user/rules.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(SEHCC) $(SEH_FLAGS) -Dms_printf=printf -I. -Iuser/include -Iuser/lib -c -o $@ $<
	$(Q)i686-w64-mingw32-objcopy --remove-section .sxdata $@

# The list of exports: ours, and each service under both of its names.
$(BUILD)/user/ntdll.def: user/ntdll/ntdll.def kernel/services.def
	@mkdir -p $(@D)
	$(Q)cp $< $@
	$(Q)awk -F'[(, )]+' '/^SERVICE/ { \
		printf "    Nt%s@%d\n    Zw%s@%d\n", $$2, 4 * $$3, $$2, 4 * $$3 }' \
		kernel/services.def >> $@

# The import library is made from the list, not by the linker: only so does it have symbols with
# the endings (_NtClose@4) and import names without (NtClose).
$(BUILD)/user/libntdll.a: $(BUILD)/user/ntdll.def
	$(call say,LIB,$@)
	$(Q)i686-w64-mingw32-dlltool --deterministic-libraries --kill-at -d $< -l $@

$(BUILD)/user/ntdll.dll: $(NTDLL_OBJECTS) $(BUILD)/user/ntdll.def
	$(call say,DLL,$@)
	$(Q)$(PECC) $(PELINK) -shared -Wl,--subsystem,native -Wl,--entry,0 -Wl,--kill-at \
		-Wl,--image-base,0x77f00000 -o $@ $^ -lgcc

$(BUILD)/user/libuser.a: $(LIBRARY_OBJECTS)
	$(call say,LIB,$@)
	@rm -f $@
	$(Q)i686-w64-mingw32-ar Drcs $@ $^

define PROGRAM_RULE
$(BUILD)/user/$(1).exe: $$(patsubst %,$(BUILD)/pe/%.o,$$(sort $$(wildcard user/$(1)/*.c))) \
		$$(USER_LIBRARIES)
	$$(call say,EXE,$$@)
	$(Q)$(PECC) $(USER_LINK) -o $$@ $$^ -lgcc
endef
$(foreach program,$(PROGRAMS),$(eval $(call PROGRAM_RULE,$(program))))

$(BUILD)/tests/%.exe: $(BUILD)/pe/tests/programs/%.o $(USER_LIBRARIES)
	@mkdir -p $(@D)
	$(call say,EXE,$@)
	$(Q)$(PECC) $(USER_LINK) -o $@ $(filter %.o %.a,$^) -lgcc

$(SEH_TEST_PROGRAMS): $(BUILD)/tests/%.exe: $(BUILD)/pe/tests/programs/seh/%.o $(USER_LIBRARIES)
	@mkdir -p $(@D)
	$(call say,EXE,$@)
	$(Q)$(PECC) $(USER_LINK) -o $@ $(filter %.o %.a,$^) -lgcc
