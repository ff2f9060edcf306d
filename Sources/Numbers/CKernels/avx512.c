#include "CKernels.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4,tune=znver5"))), apply_to = function)
#define ISA(name) name##_avx512
#define ISA_NAME "avx512"
#define TILE_ROWS 12
#define TILE_VECTORS 2
#include "kernels/table.h"
#pragma clang attribute pop

const CKernels *CKernels_avx512(void) {
  return __builtin_cpu_supports("x86-64-v4") ? &table_avx512 : NULL;
}
#else
const CKernels *CKernels_avx512(void) { return NULL; }
#endif
