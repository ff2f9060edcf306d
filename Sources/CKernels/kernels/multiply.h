// y = start + a·b, every element one chain of fused multiply-adds in the order of the inner index:
// a row's bits do not depend on the rows beside it, nor on the width of registers or tiles.

// The inner dimension is taken in pieces, so that a panel of b stays in the cache.
#define PANEL_DEPTH 512
#define PANEL_WIDTH (TILE_VECTORS * 16)

// One tile of `rows` ≤ TILE_ROWS rows and PANEL_WIDTH columns. `start` is a row of its own for each
// row of the tile, `start_stride` apart: 0 where all rows share one bias.
INLINE void ISA(tile)(size_t rows, const float *a, size_t row_stride, size_t inner_stride,
                      const float *panel, size_t depth, const float *start, size_t start_stride,
                      float *y, size_t y_stride) {
  f16 total[TILE_ROWS][TILE_VECTORS];
  UNROLL for (size_t r = 0; r < rows; r++)
    UNROLL for (size_t c = 0; c < TILE_VECTORS; c++)
      total[r][c] = ISA(load)(start + r * start_stride + 16 * c);
  for (size_t k = 0; k < depth; k++) {
    f16 weight[TILE_VECTORS];
    UNROLL for (size_t c = 0; c < TILE_VECTORS; c++)
      weight[c] = ISA(load)(panel + k * PANEL_WIDTH + 16 * c);
    UNROLL for (size_t r = 0; r < rows; r++) {
      f16 value = ISA(splat)(a[r * row_stride + k * inner_stride]);
      UNROLL for (size_t c = 0; c < TILE_VECTORS; c++)
        total[r][c] = ISA(fma16)(value, weight[c], total[r][c]);
    }
  }
  UNROLL for (size_t r = 0; r < rows; r++)
    UNROLL for (size_t c = 0; c < TILE_VECTORS; c++)
      ISA(store)(y + r * y_stride + 16 * c, total[r][c]);
}

// All rows of one panel. Columns beyond the matrix are computed on a copy and dropped.
static void ISA(multiply_panel)(const float *a, size_t row_stride, size_t inner_stride,
                                const float *panel, size_t depth, const float *start,
                                size_t start_stride, float *y, size_t y_stride, size_t rows,
                                size_t columns) {
  if (columns < PANEL_WIDTH) {
    float copy[PANEL_WIDTH], result[PANEL_WIDTH];
    for (size_t c = columns; c < PANEL_WIDTH; c++) copy[c] = 0;
    for (size_t r = 0; r < rows; r++) {
      __builtin_memcpy(copy, start + r * start_stride, columns * sizeof(float));
      ISA(tile)(1, a + r * row_stride, row_stride, inner_stride, panel, depth, copy, 0, result, 0);
      __builtin_memcpy(y + r * y_stride, result, columns * sizeof(float));
    }
    return;
  }
  size_t r = 0;
  for (; r + TILE_ROWS <= rows; r += TILE_ROWS)
    ISA(tile)(TILE_ROWS, a + r * row_stride, row_stride, inner_stride, panel, depth,
              start + r * start_stride, start_stride, y + r * y_stride, y_stride);
  for (; r + 4 <= rows && TILE_ROWS > 4; r += 4)
    ISA(tile)(4, a + r * row_stride, row_stride, inner_stride, panel, depth,
              start + r * start_stride, start_stride, y + r * y_stride, y_stride);
  for (; r < rows; r++)
    ISA(tile)(1, a + r * row_stride, row_stride, inner_stride, panel, depth,
              start + r * start_stride, start_stride, y + r * y_stride, y_stride);
}

static void ISA(multiply)(const float *a, size_t row_stride, size_t inner_stride, const float *b,
                          size_t b_inner_stride, size_t b_column_stride, const float *bias,
                          float *y, size_t rows, size_t inner, size_t columns) {
  float panel[PANEL_DEPTH * PANEL_WIDTH] __attribute__((aligned(64)));
  for (size_t first = 0; first < columns; first += PANEL_WIDTH) {
    size_t width = columns - first < PANEL_WIDTH ? columns - first : PANEL_WIDTH;
    for (size_t begin = 0; begin < inner; begin += PANEL_DEPTH) {
      size_t depth = inner - begin < PANEL_DEPTH ? inner - begin : PANEL_DEPTH;
      const float *from = b + begin * b_inner_stride + first * b_column_stride;
      if (width < PANEL_WIDTH) __builtin_memset(panel, 0, depth * PANEL_WIDTH * sizeof(float));
      if (b_column_stride == 1)
        for (size_t k = 0; k < depth; k++)
          __builtin_memcpy(panel + k * PANEL_WIDTH, from + k * b_inner_stride,
                           width * sizeof(float));
      else
        for (size_t c = 0; c < width; c++)
          for (size_t k = 0; k < depth; k++)
            panel[k * PANEL_WIDTH + c] = from[k * b_inner_stride + c * b_column_stride];
      int is_first = begin == 0 && bias != NULL;
      ISA(multiply_panel)(a + begin * inner_stride, row_stride, inner_stride, panel, depth,
                          is_first ? bias + first : y + first, is_first ? 0 : columns, y + first,
                          columns, rows, width);
    }
  }
}
