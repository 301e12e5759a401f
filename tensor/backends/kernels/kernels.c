/* kernels.c - which instruction set runs here. A new one is a row in tensor/meson.build, a declaration and a line in the table. */
#include "tensor/backends/kernels/kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

extern const Kernels kernels_baseline;
#ifdef __x86_64__
extern const Kernels kernels_avx2, kernels_avx512;
#endif

enum { MAX_SETS = 4 };

static const Kernels *sets[MAX_SETS] = { &kernels_baseline }, *chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void)
{
    int count = 1;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) sets[count++] = &kernels_avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq")) sets[count++] = &kernels_avx512;
#endif
    chosen = sets[count - 1];
    const char *wanted = getenv("LIMN_KERNELS");
    for (int i = 0; wanted && i < count; i++)
        if (strcmp(sets[i]->name, wanted) == 0) chosen = sets[i];
}

const Kernels *kernels(void)
{
    pthread_once(&once, choose);
    return chosen;
}

const Kernels *const *kernels_list(void)
{
    pthread_once(&once, choose);
    return sets;
}
