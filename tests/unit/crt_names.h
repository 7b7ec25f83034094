/*
 * Gives the kernel's C library names of its own, so that a host test can link both it and the
 * host's.
 *
 * Included before everything else, by -include, in every file of test_rtl: the kernel's sources
 * then define kernel_memcpy, the test's calls of memcpy mean that one, and only what the compiler
 * and the sanitizers call by themselves goes to the host.
 */
#ifndef TESTS_UNIT_CRT_NAMES_H
#define TESTS_UNIT_CRT_NAMES_H

#define memcpy  kernel_memcpy
#define memmove kernel_memmove
#define memset  kernel_memset
#define memcmp  kernel_memcmp
#define memchr  kernel_memchr

#define isupper  kernel_isupper
#define islower  kernel_islower
#define isalpha  kernel_isalpha
#define isdigit  kernel_isdigit
#define isxdigit kernel_isxdigit
#define isalnum  kernel_isalnum
#define isspace  kernel_isspace
#define isprint  kernel_isprint
#define toupper  kernel_toupper
#define tolower  kernel_tolower
#define towupper kernel_towupper
#define towlower kernel_towlower
#define atoi     kernel_atoi
#define atol     kernel_atol

#define qsort    kernel_qsort
#define bsearch  kernel_bsearch
#define rand     kernel_rand
#define srand    kernel_srand
#define mbtowc   kernel_mbtowc
#define wctomb   kernel_wctomb
#define mbstowcs kernel_mbstowcs
#define wcstombs kernel_wcstombs

#define strlen  kernel_strlen
#define strnlen kernel_strnlen
#define strcmp  kernel_strcmp
#define strncmp kernel_strncmp
#define strcpy  kernel_strcpy
#define strncpy kernel_strncpy
#define strcat  kernel_strcat
#define strncat kernel_strncat
#define strchr  kernel_strchr
#define strrchr kernel_strrchr
#define strstr  kernel_strstr
#define strspn  kernel_strspn

#define wcslen  kernel_wcslen
#define wcsnlen kernel_wcsnlen
#define wcscmp  kernel_wcscmp
#define wcsncmp kernel_wcsncmp
#define wcscpy  kernel_wcscpy
#define wcsncpy kernel_wcsncpy
#define wcscat  kernel_wcscat
#define wcsncat kernel_wcsncat
#define wcschr  kernel_wcschr
#define wcsrchr kernel_wcsrchr
#define wcsstr  kernel_wcsstr
#define wcsspn  kernel_wcsspn
#define wcscspn kernel_wcscspn

#define sprintf  kernel_sprintf
#define vsprintf kernel_vsprintf
#define swprintf kernel_swprintf

#define __divdi3     kernel_divdi3
#define __moddi3     kernel_moddi3
#define __divmoddi4  kernel_divmoddi4
#define __udivdi3    kernel_udivdi3
#define __umoddi3    kernel_umoddi3
#define __udivmoddi4 kernel_udivmoddi4

#endif
