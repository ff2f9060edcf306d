// What the processor can do at most: independent chains of fused multiply-adds on registers.
static float ISA(peak)(size_t rounds) {
  f16 total[TILE_ROWS][TILE_VECTORS];
  f16 a = ISA(splat)(0.999f), b = ISA(splat)(1e-3f);
  UNROLL for (size_t r = 0; r < TILE_ROWS; r++)
    UNROLL for (size_t c = 0; c < TILE_VECTORS; c++) total[r][c] = ISA(splat)((float)(r * TILE_VECTORS + c));
  for (size_t i = 0; i < rounds; i++)
    UNROLL for (size_t r = 0; r < TILE_ROWS; r++)
      UNROLL for (size_t c = 0; c < TILE_VECTORS; c++)
        total[r][c] = ISA(fma16)(total[r][c], a, b);
  f16 sum = ISA(splat)(0);
  UNROLL for (size_t r = 0; r < TILE_ROWS; r++)
    UNROLL for (size_t c = 0; c < TILE_VECTORS; c++) sum += total[r][c];
  return ISA(sum)(sum);
}

// What memory can do at most: y = -y, every float read once and written once.
static void ISA(sweep)(float *y, size_t count) {
  size_t i = 0;
  for (; i + 64 <= count; i += 64)
    UNROLL for (size_t j = 0; j < 64; j += 16) ISA(store)(y + i + j, -ISA(load)(y + i + j));
  for (; i < count; i++) y[i] = -y[i];
}
