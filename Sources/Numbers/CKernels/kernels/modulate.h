// Widths are multiples of 16: sums run over sixteen lanes and end in one tree.
static void ISA(modulate)(const float *x, const float *shift, const float *scale, size_t stride,
                          const int32_t *group, float *y, float *mean, float *inverse,
                          size_t rows, size_t width) {
  const float share = 1.0f / (float)width;
  for (size_t r = 0; r < rows; r++) {
    const float *row = x + r * width;
    const float *a = shift + (size_t)group[r] * stride, *b = scale + (size_t)group[r] * stride;
    f16 sums = ISA(splat)(0), squares = ISA(splat)(0);
    for (size_t c = 0; c < width; c += 16) sums += ISA(load)(row + c);
    float m = ISA(sum)(sums) * share;
    for (size_t c = 0; c < width; c += 16) {
      f16 d = ISA(load)(row + c) - m;
      squares = ISA(fma16)(d, d, squares);
    }
    float inv = 1.0f / __builtin_sqrtf(ISA(sum)(squares) * share + 1e-6f);
    for (size_t c = 0; c < width; c += 16) {
      f16 n = (ISA(load)(row + c) - m) * inv;
      ISA(store)(y + r * width + c, ISA(fma16)(n, ISA(load)(b + c) + 1.0f, ISA(load)(a + c)));
    }
    mean[r] = m;
    inverse[r] = inv;
  }
}

// With n = (x - m)·inv and e = dy·(1 + scale):
// dx = inv · (e - mean(e) - n · mean(e·n)),  dscale = Σ dy·n,  dshift = Σ dy.
static void ISA(modulate_gradient)(const float *x, const float *scale, size_t stride,
                                   const int32_t *group, const float *mean, const float *inverse,
                                   const float *dy, float *dx, float *dshift, float *dscale,
                                   size_t rows, size_t width, bool adds) {
  const float share = 1.0f / (float)width;
  for (size_t r = 0; r < rows; r++) {
    const float *row = x + r * width, *d = dy + r * width;
    const float *b = scale + (size_t)group[r] * stride;
    float *da = dshift + (size_t)group[r] * stride, *db = dscale + (size_t)group[r] * stride;
    float m = mean[r], inv = inverse[r];
    f16 sums = ISA(splat)(0), products = ISA(splat)(0);
    for (size_t c = 0; c < width; c += 16) {
      f16 g = ISA(load)(d + c), n = (ISA(load)(row + c) - m) * inv;
      f16 e = g * (ISA(load)(b + c) + 1.0f);
      sums += e;
      products = ISA(fma16)(e, n, products);
      ISA(store)(da + c, ISA(load)(da + c) + g);
      ISA(store)(db + c, ISA(fma16)(g, n, ISA(load)(db + c)));
    }
    float sum = ISA(sum)(sums) * share, product = ISA(sum)(products) * share;
    for (size_t c = 0; c < width; c += 16) {
      f16 n = (ISA(load)(row + c) - m) * inv;
      f16 e = ISA(load)(d + c) * (ISA(load)(b + c) + 1.0f);
      f16 rest = ISA(fma16)(n, ISA(splat)(-product), e - sum);
      float *out = dx + r * width + c;
      f16 start = adds ? ISA(load)(out) : ISA(splat)(0);
      ISA(store)(out, ISA(fma16)(ISA(splat)(inv), rest, start));
    }
  }
}
