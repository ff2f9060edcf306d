#include "walk.h"

// Kernels over rows that belong to groups: modulation, gates, sums.
static void walk(size_t rows, size_t width, size_t groups, Fill fill, int off) {
  const CKernels *sets[3];
  size_t count = kernel_sets(sets), stride = 3 * width + 5;
  // The last group's row of modulation ends where its gate ends.
  size_t modulation_count = (groups - 1) * stride + 3 * width;
  int32_t *group = malloc(rows * sizeof *group + 1);
  if (group == NULL) abort();
  for (size_t r = 0; r < rows; r++) group[r] = (int32_t)((r * 7 + 3) % groups);
  Floats x = floats_make(rows * width, fill, 1, off), dy = floats_make(rows * width, fill, 2, off);
  Floats modulation = floats_make(modulation_count, fill, 3, off);
  const float *shift = modulation.start, *scale = shift + width, *gate = scale + width;
  Expected bits[10] = {0};
  for (size_t s = 0; s < count; s++) {
    Floats y = floats_make(rows * width, fill, 4, off), dx = floats_make(rows * width, fill, 5, off);
    Floats dh = floats_make(rows * width, fill, 6, off), sum = floats_make(width, fill, 7, off);
    Floats mean = floats_make(rows, UNWELCOME, 8, off), inverse = floats_make(rows, UNWELCOME, 9, off);
    Floats slopes = floats_make(modulation_count, fill, 10, off);
    float *dshift = slopes.start, *dscale = dshift + width, *dgate = dscale + width;
    const CKernels *set = sets[s];
    if (width % 16 == 0) {
      set->modulate(x.start, shift, scale, stride, group, y.start, mean.start, inverse.start, rows,
                    width);
      expect_same(&bits[0], "modulate", set, y.start, y.count);
      expect_same(&bits[1], "modulate's mean", set, mean.start, rows);
      expect_same(&bits[2], "modulate's deviation", set, inverse.start, rows);
      set->modulate_gradient(x.start, scale, stride, group, mean.start, inverse.start, dy.start,
                             dx.start, dshift, dscale, rows, width, false);
      set->modulate_gradient(x.start, scale, stride, group, mean.start, inverse.start, dy.start,
                             dx.start, dshift, dscale, rows, width, true);
      expect_same(&bits[3], "modulate_gradient", set, dx.start, dx.count);
      expect_same(&bits[4], "modulate_gradient's modulation", set, slopes.start, slopes.count);
      set->gated_add_gradient(x.start, gate, stride, group, dy.start, dh.start, dgate, rows, width,
                              false);
      set->gated_add_gradient(x.start, gate, stride, group, dy.start, dh.start, dgate, rows, width,
                              true);
      expect_same(&bits[7], "gated_add_gradient of h", set, dh.start, dh.count);
      expect_same(&bits[8], "gated_add_gradient's gate", set, slopes.start, slopes.count);
    }
    set->gated_add(x.start, dy.start, gate, stride, group, y.start, rows, width);
    expect_same(&bits[5], "gated_add", set, y.start, y.count);
    // In place, as inference does.
    set->gated_add(y.start, dy.start, gate, stride, group, y.start, rows, width);
    expect_same(&bits[6], "gated_add in place", set, y.start, y.count);
    set->sum_rows(dy.start, sum.start, rows, width);
    expect_same(&bits[9], "sum_rows", set, sum.start, width);
    Floats *made[] = {&y, &dx, &dh, &sum, &mean, &inverse, &slopes};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) floats_free(made[i]);
  }
  for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) expected_free(&bits[i]);
  floats_free(&x);
  floats_free(&dy);
  floats_free(&modulation);
  free(group);
}

void walk_rows(void) {
  static const size_t rows[] = {0, 1, 2, 3, 7, 17}, widths[] = {1, 15, 16, 17, 48, 192};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
      for (size_t groups = 1; groups < 4; groups++)
        for (int fill = 0; fill < FILLS; fill++)
          for (int off = 0; off < 2; off++) walk(rows[r], widths[w], groups, (Fill)fill, off);
}
