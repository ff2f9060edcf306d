#include "CKernels.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define ISA(name) name##_avx2
#define ISA_NAME "avx2"
#define TILE_ROWS 6
#define TILE_VECTORS 1
#include "kernels/table.h"
#pragma clang attribute pop

const CKernels *CKernels_avx2(void) {
  return __builtin_cpu_supports("x86-64-v3") ? &table_avx2 : NULL;
}
#else
const CKernels *CKernels_avx2(void) { return NULL; }
#endif
