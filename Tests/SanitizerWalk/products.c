#include "walk.h"

// y = bias + a·b or y += a·b, one chain of fused multiply-adds per element in the order of the inner
// index: the literal form of `multiply`.
static void literal(const float *a, size_t a_row, size_t a_inner, const float *b, size_t b_inner,
                    size_t b_column, const float *bias, float *y, size_t rows, size_t inner,
                    size_t columns) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++) {
      float sum = bias != NULL ? bias[c] : y[r * columns + c];
      for (size_t k = 0; k < inner; k++)
        sum = __builtin_fmaf(a[r * a_row + k * a_inner], b[k * b_inner + c * b_column], sum);
      y[r * columns + c] = sum;
    }
}

static void walk(size_t m, size_t k, size_t n, Fill fill, int off) {
  const CKernels *sets[3];
  size_t count = kernel_sets(sets);
  Floats a = floats_make(m * k, fill, 1, off), b = floats_make(k * n, fill, 2, off);
  Floats bias = floats_make(n, fill, 3, off);
  // The strides of x·W, dy·Wᵀ and xᵀ·dy.
  for (int form = 0; form < 4; form++) {
    size_t a_row = form & 1 ? 1 : k, a_inner = form & 1 ? m : 1;
    size_t b_inner = form & 2 ? 1 : n, b_column = form & 2 ? k : 1;
    for (int biased = 0; biased < 2; biased++) {
      const float *start = biased ? bias.start : NULL;
      Expected expected = {0};
      Floats y = floats_make(m * n, fill, 4, off);
      literal(a.start, a_row, a_inner, b.start, b_inner, b_column, start, y.start, m, k, n);
      expect_same(&expected, "literal product", sets[0], y.start, m * n);
      floats_free(&y);
      for (size_t s = 0; s < count; s++) {
        y = floats_make(m * n, fill, 4, off);
        sets[s]->multiply(a.start, a_row, a_inner, b.start, b_inner, b_column, start, y.start, m,
                          k, n);
        expect_same(&expected, "multiply", sets[s], y.start, m * n);
        floats_free(&y);
      }
      expected_free(&expected);
    }
  }
  floats_free(&a);
  floats_free(&b);
  floats_free(&bias);
}

void walk_products(void) {
  static const size_t rows[] = {0, 1, 2, 3, 5, 6, 7, 11, 12, 13, 25};
  static const size_t inner[] = {0, 1, 2, 15, 16, 17, 33};
  static const size_t columns[] = {0, 1, 2, 15, 16, 17, 31, 32, 33, 48, 65};
  for (size_t m = 0; m < sizeof rows / sizeof *rows; m++)
    for (size_t k = 0; k < sizeof inner / sizeof *inner; k++)
      for (size_t n = 0; n < sizeof columns / sizeof *columns; n++)
        walk(rows[m], inner[k], columns[n], (Fill)((m + k + n) % FILLS), (int)((m + n) & 1));
  // Around the depth of a panel.
  for (size_t k = 383; k < 386; k++)
    for (int fill = 0; fill < FILLS; fill++) walk(13, k, 33, (Fill)fill, fill & 1);
  walk(3, 769, 17, MODERATE, 1);
}
