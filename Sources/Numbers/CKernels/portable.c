#include "CKernels.h"

#define ISA(name) name##_portable
#define ISA_NAME "portable"
#define TILE_ROWS 2
#define TILE_VECTORS 1
#include "kernels/table.h"

const CKernels *CKernels_portable(void) { return &table_portable; }

void CKernels_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3];
  for (uint32_t round = 0; round < 10; round++) {
    uint64_t p = (uint64_t)x0 * 0xD2511F53u, q = (uint64_t)x2 * 0xCD9E8D57u;
    x0 = (uint32_t)(q >> 32) ^ x1 ^ (key[0] + round * 0x9E3779B9u);
    x2 = (uint32_t)(p >> 32) ^ x3 ^ (key[1] + round * 0xBB67AE85u);
    x1 = (uint32_t)q;
    x3 = (uint32_t)p;
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}
