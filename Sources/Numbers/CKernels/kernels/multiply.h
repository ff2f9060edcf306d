// A product of any shape. b is taken in panels that stay in the cache: packed, padded with zeros
// to whole registers, and cut along the inner index, which leaves every chain in its order.
#define PANEL_DEPTH 384
#define PANEL_WIDTH (TILE_VECTORS * 16)

static void ISA(pack)(const float *b, size_t inner_stride, size_t column_stride, size_t depth,
                      size_t width, float *panel) {
  if (column_stride == 1) {
    for (size_t k = 0; k < depth; k++)
      __builtin_memcpy(panel + k * PANEL_WIDTH, b + k * inner_stride, width * sizeof(float));
    return;
  }
  // Columns are rows in memory: sixteen columns and sixteen inner indices at a time.
  size_t k = 0;
  for (; inner_stride == 1 && k + 16 <= depth; k += 16)
    for (size_t c = 0; c < width; c += 16) {
      f16 x[16];
      UNROLL for (size_t i = 0; i < 16; i++)
        x[i] = c + i < width ? ISA(load)(b + (c + i) * column_stride + k) : ISA(splat)(0);
      ISA(transpose16)(x);
      UNROLL for (size_t i = 0; i < 16; i++) ISA(store)(panel + (k + i) * PANEL_WIDTH + c, x[i]);
    }
  for (; k < depth; k++)
    for (size_t c = 0; c < width; c++)
      panel[k * PANEL_WIDTH + c] = b[k * inner_stride + c * column_stride];
}

// Columns that do not fill a register are computed on copies of their rows.
static void ISA(narrow_product)(ISA(Operands) o, size_t rows, size_t inner, size_t columns) {
  float copy[TILE_ROWS * PANEL_WIDTH];
  const size_t padded = (columns + 15) / 16 * 16;
  for (size_t r = 0; r < rows; r += TILE_ROWS) {
    size_t count = rows - r < TILE_ROWS ? rows - r : TILE_ROWS;
    for (size_t i = 0; i < count; i++)
      for (size_t c = 0; c < padded; c++)
        copy[i * PANEL_WIDTH + c] = c < columns ? o.start[(r + i) * o.start_row + c] : 0;
    ISA(Operands) part = {o.a + r * o.a_row, o.a_row, o.a_inner,   o.b, o.b_row,
                          copy,              PANEL_WIDTH, copy, PANEL_WIDTH};
    ISA(product)(&part, count, inner, padded);
    for (size_t i = 0; i < count; i++)
      __builtin_memcpy(o.y + (r + i) * o.y_row, copy + i * PANEL_WIDTH, columns * sizeof(float));
  }
}

static void ISA(multiply)(const float *a, size_t row_stride, size_t inner_stride, const float *b,
                          size_t b_inner_stride, size_t b_column_stride, const float *bias,
                          float *y, size_t rows, size_t inner, size_t columns) {
  float panel[PANEL_DEPTH * PANEL_WIDTH] __attribute__((aligned(64)));
  for (size_t first = 0; first < columns; first += PANEL_WIDTH) {
    size_t width = columns - first < PANEL_WIDTH ? columns - first : PANEL_WIDTH;
    // Once also where nothing is summed: y still takes its bias.
    for (size_t begin = 0; begin == 0 || begin < inner; begin += PANEL_DEPTH) {
      size_t depth = inner - begin < PANEL_DEPTH ? inner - begin : PANEL_DEPTH;
      if (width % 16 != 0) __builtin_memset(panel, 0, depth * PANEL_WIDTH * sizeof(float));
      ISA(pack)(b + begin * b_inner_stride + first * b_column_stride, b_inner_stride,
                b_column_stride, depth, width, panel);
      int starts = begin == 0 && bias != NULL;
      ISA(Operands) o = {.a = a + begin * inner_stride,
                         .a_row = row_stride,
                         .a_inner = inner_stride,
                         .b = panel,
                         .b_row = PANEL_WIDTH,
                         .start = starts ? bias + first : y + first,
                         .start_row = starts ? 0 : columns,
                         .y = y + first,
                         .y_row = columns};
      if (width % 16 == 0)
        ISA(product)(&o, rows, depth, width);
      else
        ISA(narrow_product)(o, rows, depth, width);
    }
  }
}
