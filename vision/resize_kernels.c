/* resize_kernels.c - which instruction set resizes here. */
#include "vision/resize_kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SETS = 4 };

static const ResizeKernels *sets[MAX_SETS] = { &resize_baseline }, *chosen, *plain;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void)
{
    int count = 1;
#ifdef __x86_64__
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")
             && __builtin_cpu_supports("avx512dq");
    if (__builtin_cpu_supports("avx2")) sets[count++] = &resize_avx2;
    if (wide) sets[count++] = &resize_avx512;
    if (wide && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni")) sets[count++] = &resize_vnni;
#endif
    const char *wanted = getenv("LIMN_KERNELS");
    chosen = sets[count - 1];
    for (int i = 0; wanted && i < count; i++)
        if (strcmp(sets[i]->name, wanted) == 0) chosen = sets[i];
    for (int i = 0; i < count; i++)
        if (!sets[i]->pack) plain = sets[i];
}

const ResizeKernels *resize_kernels(void)
{
    pthread_once(&once, choose);
    return chosen;
}

const ResizeKernels *resize_kernels_for_any(void)
{
    pthread_once(&once, choose);
    return plain;
}
