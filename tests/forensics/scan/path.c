/*
 * Which code searches, and its windows.
 */
#include "windows.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* clang 14 does not know __builtin_cpu_supports("vaes"). */
static bool has_vaes(void)
{
    unsigned int a, b, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & bit_VAES) != 0;
}
#endif

enum code_path code_path_choose(enum code_path wished)
{
#if defined(__x86_64__)
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("aes");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                        has_vaes();

    if (avx512 && (wished == PATH_BEST || wished == PATH_AVX512))
        return PATH_AVX512;
    if (avx2 && (wished == PATH_BEST || wished == PATH_AVX2))
        return PATH_AVX2;
#else
    (void)wished;
#endif
    return PATH_PORTABLE;
}

const char *code_path_name(enum code_path path)
{
    return path == PATH_AVX512 ? "AVX-512" : path == PATH_AVX2 ? "AVX2" : "portable";
}

windows_next_fn *windows_next(enum code_path path)
{
    switch (code_path_choose(path)) {
#if defined(__x86_64__)
    case PATH_AVX512:
        return windows_next_avx512;
    case PATH_AVX2:
        return windows_next_avx2;
#endif
    default:
        return windows_next_portable;
    }
}
