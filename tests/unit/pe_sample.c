/*
 * The image that test_pe reads: small, but with everything a driver has. Code, constants, data,
 * bss, a pageable and a discardable section, imports, exports by name and by ordinal, a forwarder
 * (in pe_sample.def), and data that needs relocating. It is never run.
 */
#include <wdm.h>

ULONG SampleValue = 0x12345678;
ULONG *SamplePointer = &SampleValue; /* needs one relocation */
UCHAR SampleZeros[0x1800];

__attribute__((section("PAGE"))) ULONG NTAPI SamplePaged(VOID)
{
    UNICODE_STRING Name;
    RtlInitUnicodeString(&Name, L"sample");
    return Name.Length + SampleValue;
}

ULONG NTAPI SampleResident(VOID)
{
    return *SamplePointer + SampleZeros[1];
}

__attribute__((section("INIT"))) NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver,
                                                            PUNICODE_STRING Path)
{
    DbgPrint("sample %p %wZ\n", Driver, Path);
    SampleZeros[0] = KeGetCurrentIrql();
    return STATUS_SUCCESS;
}
