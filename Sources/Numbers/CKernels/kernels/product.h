// y = start + a·b, every element one chain of fused multiply-adds in the order of the inner index:
// a row's bits do not depend on the rows beside it, nor on the width of registers or tiles.

// Operands of one product. a[r, k] stands at r · a_row + k · a_inner; b, start and y are rows of
// whole registers, so columns are multiples of 16. `start_row` 0 gives all rows one start; start
// may be y.
typedef struct {
  const float *a;
  size_t a_row, a_inner;
  const float *b;
  size_t b_row;
  const float *start;
  size_t start_row;
  float *y;
  size_t y_row;
} ISA(Operands);

// A tile of `rows` rows and 16 · `vectors` columns, both known when it is compiled.
INLINE void ISA(tile)(size_t rows, size_t vectors, const ISA(Operands) *o, size_t inner, size_t r0,
                      size_t c0) {
  f16 total[TILE_ROWS][TILE_VECTORS];
  const float *a = o->a + r0 * o->a_row, *b = o->b + c0;
  UNROLL for (size_t r = 0; r < rows; r++)
    UNROLL for (size_t c = 0; c < vectors; c++)
      total[r][c] = ISA(load)(o->start + (r0 + r) * o->start_row + c0 + 16 * c);
  for (size_t k = 0; k < inner; k++) {
    f16 weight[TILE_VECTORS];
    UNROLL for (size_t c = 0; c < vectors; c++) weight[c] = ISA(load)(b + k * o->b_row + 16 * c);
    UNROLL for (size_t r = 0; r < rows; r++) {
      f16 value = ISA(splat)(a[r * o->a_row + k * o->a_inner]);
      UNROLL for (size_t c = 0; c < vectors; c++)
        total[r][c] = ISA(fma16)(value, weight[c], total[r][c]);
    }
  }
  UNROLL for (size_t r = 0; r < rows; r++)
    UNROLL for (size_t c = 0; c < vectors; c++)
      ISA(store)(o->y + (r0 + r) * o->y_row + c0 + 16 * c, total[r][c]);
}

// The last rows, fewer than a tile has.
INLINE void ISA(last_rows)(size_t rows, size_t vectors, const ISA(Operands) *o, size_t inner,
                           size_t r0, size_t c0) {
  switch (rows) {
    case 1: ISA(tile)(1, vectors, o, inner, r0, c0); break;
#if TILE_ROWS > 2
    case 2: ISA(tile)(2, vectors, o, inner, r0, c0); break;
    case 3: ISA(tile)(3, vectors, o, inner, r0, c0); break;
    case 4: ISA(tile)(4, vectors, o, inner, r0, c0); break;
    case 5: ISA(tile)(5, vectors, o, inner, r0, c0); break;
#endif
#if TILE_ROWS > 6
    case 6: ISA(tile)(6, vectors, o, inner, r0, c0); break;
    case 7: ISA(tile)(7, vectors, o, inner, r0, c0); break;
    case 8: ISA(tile)(8, vectors, o, inner, r0, c0); break;
    case 9: ISA(tile)(9, vectors, o, inner, r0, c0); break;
    case 10: ISA(tile)(10, vectors, o, inner, r0, c0); break;
    case 11: ISA(tile)(11, vectors, o, inner, r0, c0); break;
#endif
    default: break;
  }
}

static void ISA(product)(const ISA(Operands) *o, size_t rows, size_t inner, size_t columns) {
  size_t c = 0;
  for (; c + 16 * TILE_VECTORS <= columns; c += 16 * TILE_VECTORS) {
    size_t r = 0;
    for (; r + TILE_ROWS <= rows; r += TILE_ROWS)
      ISA(tile)(TILE_ROWS, TILE_VECTORS, o, inner, r, c);
    ISA(last_rows)(rows - r, TILE_VECTORS, o, inner, r, c);
  }
  for (; c < columns; c += 16) {
    size_t r = 0;
    for (; r + TILE_ROWS <= rows; r += TILE_ROWS) ISA(tile)(TILE_ROWS, 1, o, inner, r, c);
    ISA(last_rows)(rows - r, 1, o, inner, r, c);
  }
}

// Sixteen rows of sixteen, transposed: bit by bit, row index and lane change places.
INLINE void ISA(transpose16)(f16 x[16]) {
  f16 y[16];
  UNROLL for (size_t i = 0; i < 16; i++) {
    f16 low = x[i & 7], high = x[(i & 7) + 8];
    y[i] = i < 8 ? __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20,
                                           21, 22, 23)
                 : __builtin_shufflevector(low, high, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27,
                                           28, 29, 30, 31);
  }
  UNROLL for (size_t i = 0; i < 16; i++) {
    f16 low = y[i & ~4u], high = y[i | 4];
    x[i] = !(i & 4) ? __builtin_shufflevector(low, high, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11,
                                              24, 25, 26, 27)
                    : __builtin_shufflevector(low, high, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15,
                                              28, 29, 30, 31);
  }
  UNROLL for (size_t i = 0; i < 16; i++) {
    f16 low = x[i & ~2u], high = x[i | 2];
    y[i] = !(i & 2) ? __builtin_shufflevector(low, high, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25,
                                              12, 13, 28, 29)
                    : __builtin_shufflevector(low, high, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27,
                                              14, 15, 30, 31);
  }
  UNROLL for (size_t i = 0; i < 16; i++) {
    f16 low = y[i & ~1u], high = y[i | 1];
    x[i] = !(i & 1) ? __builtin_shufflevector(low, high, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26,
                                              12, 28, 14, 30)
                    : __builtin_shufflevector(low, high, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27,
                                              13, 29, 15, 31);
  }
}

// to[c, r] = from[r, c] for `rows` rows and a multiple of 16 columns. Rows come in sixteens: up to
// fifteen zeros follow each row of `to`.
static void ISA(transpose)(const float *from, size_t from_row, size_t rows, size_t columns,
                           float *to, size_t to_row) {
  for (size_t r = 0; r < rows; r += 16)
    for (size_t c = 0; c < columns; c += 16) {
      f16 x[16];
      UNROLL for (size_t i = 0; i < 16; i++)
        x[i] = r + i < rows ? ISA(load)(from + (r + i) * from_row + c) : ISA(splat)(0);
      ISA(transpose16)(x);
      UNROLL for (size_t i = 0; i < 16; i++) ISA(store)(to + (c + i) * to_row + r, x[i]);
    }
}
