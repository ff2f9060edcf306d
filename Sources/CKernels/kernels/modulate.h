static void ISA(modulate)(const float *x, const float *shift, const float *scale, size_t stride,
                          const int32_t *group, float *y, float *mean, float *inverse,
                          size_t rows, size_t width) {
  for (size_t r = 0; r < rows; r++) {
    const float *row = x + r * width;
    const float *a = shift + (size_t)group[r] * stride, *b = scale + (size_t)group[r] * stride;
    float sum = 0, squares = 0;
    for (size_t c = 0; c < width; c++) sum += row[c];
    float m = sum / (float)width;
    for (size_t c = 0; c < width; c++) squares += (row[c] - m) * (row[c] - m);
    float inv = 1.0f / __builtin_sqrtf(squares / (float)width + 1e-6f);
    for (size_t c = 0; c < width; c++)
      y[r * width + c] = (row[c] - m) * inv * (1.0f + b[c]) + a[c];
    mean[r] = m;
    inverse[r] = inv;
  }
}

// With n = (x - m)·inv and e = dy·(1 + scale):
// dx = inv · (e - mean(e) - n · mean(e·n)),  dscale = Σ dy·n,  dshift = Σ dy.
static void ISA(modulate_gradient)(const float *x, const float *scale, size_t stride,
                                   const int32_t *group, const float *mean, const float *inverse,
                                   const float *dy, float *dx, float *dshift, float *dscale,
                                   size_t rows, size_t width) {
  for (size_t r = 0; r < rows; r++) {
    const float *row = x + r * width, *d = dy + r * width;
    const float *b = scale + (size_t)group[r] * stride;
    float *da = dshift + (size_t)group[r] * stride, *db = dscale + (size_t)group[r] * stride;
    float m = mean[r], inv = inverse[r], sum = 0, product = 0;
    for (size_t c = 0; c < width; c++) {
      float n = (row[c] - m) * inv, e = d[c] * (1.0f + b[c]);
      sum += e;
      product += e * n;
      da[c] += d[c];
      db[c] += d[c] * n;
    }
    sum /= (float)width;
    product /= (float)width;
    for (size_t c = 0; c < width; c++) {
      float n = (row[c] - m) * inv, e = d[c] * (1.0f + b[c]);
      dx[r * width + c] += inv * (e - sum - n * product);
    }
  }
}
