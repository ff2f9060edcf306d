#include "walk.h"

void walk_noise(void) {
  const CKernels *sets[3];
  size_t count = kernel_sets(sets);
  static const CKernelsNoise addresses[] = {
      {{0, 0}, {0, 0}, 0},
      {{UINT32_MAX, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}, UINT32_MAX},
      {{0x243f6a88u, 0x85a308d3u}, {0x13198a2eu, 0x03707344u}, 0x01002003u},
  };
  for (size_t a = 0; a < sizeof addresses / sizeof *addresses; a++)
    for (size_t n = 0; n < 1200; n = n < 140 ? n + 1 : n + 257)
      for (int off = 0; off < 2; off++) {
        Expected bits = {0};
        for (size_t s = 0; s < count; s++) {
          Floats y = floats_make(n, UNWELCOME, 1, off);
          sets[s]->normals(&addresses[a], y.start, n);
          expect_same(&bits, "normals", sets[s], y.start, n);
          for (size_t i = 0; i < n; i++)
            if (!(y.start[i] > -7.0f && y.start[i] < 7.0f)) fail("normals", sets[s]->name, i);
          floats_free(&y);
        }
        expected_free(&bits);
      }
  for (size_t s = 0; s < count; s++)
    for (size_t rounds = 0; rounds < 3; rounds++, walked++) {
      float sum = sets[s]->peak(rounds);
      if (!(sum > 0)) fail("peak", sets[s]->name, rounds);
    }
}

void walk_checksum(void) {
  if (crc32c_extend(7, NULL, 0) != 7 || crc32c_extend_portable(7, NULL, 0) != 7)
    fail("checksum of nothing", "", 0);
  for (size_t n = 0; n < 70; n++)
    for (size_t off = 0; off < 9; off++, walked++) {
      unsigned char *bytes = malloc(n + off + 1);
      if (bytes == NULL) abort();
      for (size_t i = 0; i < n + off; i++) bytes[i] = (unsigned char)(i * 37 + n);
      uint32_t crc = (uint32_t)(n * 0x9e3779b9u);
      if (crc32c_extend(crc, bytes + off, n) != crc32c_extend_portable(crc, bytes + off, n))
        fail("checksum", "", n);
      free(bytes);
    }
}
