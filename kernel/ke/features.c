/*
 * What programs and drivers can ask about the processor: KUSER_SHARED_DATA.ProcessorFeatures. A
 * feature that needs the kernel's help (SSE needs its registers saved) counts only if it gets it.
 */
#include "kernel/ke/npx.h"

#define CPUID_EDX_TSC  0x00000010
#define CPUID_EDX_CX8  0x00000100
#define CPUID_ECX_SSE3 0x00000001

/* Fills the table in (WDK: ExIsProcessorFeaturePresent). All processors are alike. */
VOID KiSetProcessorFeatures(VOID)
{
    BOOLEAN *Present = SharedUserData->ProcessorFeatures;
    ULONG Eax, Ebx, Ecx, Edx;

    __asm__ volatile("cpuid" : "=a"(Eax), "=b"(Ebx), "=c"(Ecx), "=d"(Edx) : "a"(1), "c"(0));
    Present[PF_COMPARE_EXCHANGE_DOUBLE] = (Edx & CPUID_EDX_CX8) != 0;
    Present[PF_RDTSC_INSTRUCTION_AVAILABLE] = (Edx & CPUID_EDX_TSC) != 0;
    Present[PF_FLOATING_POINT_EMULATED] = KiNpxFeatures == 0;
    Present[PF_MMX_INSTRUCTIONS_AVAILABLE] = (KiNpxFeatures & CPUID_EDX_MMX) != 0;
    Present[PF_XMMI_INSTRUCTIONS_AVAILABLE] = (KiNpxFeatures & CPUID_EDX_SSE) != 0;
    Present[PF_XMMI64_INSTRUCTIONS_AVAILABLE] = (KiNpxFeatures & CPUID_EDX_SSE2) != 0;
    Present[PF_SSE3_INSTRUCTIONS_AVAILABLE] =
        (KiNpxFeatures & CPUID_EDX_SSE2) && (Ecx & CPUID_ECX_SSE3);
}

/* Whether the processor has a feature, PF_xxx (WDK: ExIsProcessorFeaturePresent). IRQL: any. */
BOOLEAN NTAPI ExIsProcessorFeaturePresent(ULONG ProcessorFeature)
{
    return ProcessorFeature < PROCESSOR_FEATURE_MAX &&
           SharedUserData->ProcessorFeatures[ProcessorFeature];
}
