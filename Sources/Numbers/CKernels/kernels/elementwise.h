INLINE float ISA(sigmoid)(float x) { return 1.0f / (1.0f + ISA(exponential)(-x)); }

// ½(1 + tanh u) = sigmoid(2u),  u = √(2/π)(x + 0.044715 x³)
INLINE float ISA(gelu_gate)(float x) {
  return ISA(sigmoid)(1.5957691216f * x * __builtin_fmaf(0.044715f * x, x, 1.0f));
}

static void ISA(gelu)(const float *x, float *y, size_t count) {
  IN_PLACE for (size_t i = 0; i < count; i++) y[i] = x[i] * ISA(gelu_gate)(x[i]);
}

static void ISA(gelu_gradient)(const float *x, const float *dy, float *dx, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float s = ISA(gelu_gate)(x[i]);
    float slope = 1.5957691216f * __builtin_fmaf(0.134145f * x[i], x[i], 1.0f);
    float derivative = __builtin_fmaf(x[i] * s * (1.0f - s), slope, s);
    dx[i] = __builtin_fmaf(dy[i], derivative, dx[i]);
  }
}

static void ISA(gelu_gradient_in_place)(const float *x, float *dy, size_t count) {
  IN_PLACE for (size_t i = 0; i < count; i++) {
    float s = ISA(gelu_gate)(x[i]);
    float slope = 1.5957691216f * __builtin_fmaf(0.134145f * x[i], x[i], 1.0f);
    dy[i] *= __builtin_fmaf(x[i] * s * (1.0f - s), slope, s);
  }
}

static void ISA(silu)(const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = x[i] * ISA(sigmoid)(x[i]);
}

static void ISA(silu_gradient)(const float *x, const float *dy, float *dx, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float s = ISA(sigmoid)(x[i]);
    dx[i] = __builtin_fmaf(dy[i], __builtin_fmaf(x[i] * s, 1.0f - s, s), dx[i]);
  }
}

static void ISA(add_scaled)(float a, const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = __builtin_fmaf(a, x[i], y[i]);
}

static void ISA(sum_rows)(const float *dy, float *db, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++) db[c] += dy[r * columns + c];
}

static void ISA(gated_add)(const float *x, const float *h, const float *gate, size_t stride,
                           const int32_t *group, float *y, size_t rows, size_t width) {
  for (size_t r = 0; r < rows; r++) {
    const float *g = gate + (size_t)group[r] * stride;
    IN_PLACE for (size_t c = 0; c < width; c++)
      y[r * width + c] = __builtin_fmaf(g[c], h[r * width + c], x[r * width + c]);
  }
}

static void ISA(gated_add_gradient)(const float *h, const float *gate, size_t stride,
                                    const int32_t *group, const float *dy, float *dh, float *dgate,
                                    size_t rows, size_t width, bool adds) {
  for (size_t r = 0; r < rows; r++) {
    const float *g = gate + (size_t)group[r] * stride, *d = dy + r * width, *from = h + r * width;
    float *dg = dgate + (size_t)group[r] * stride, *to = dh + r * width;
    for (size_t c = 0; c < width; c += 16) {
      f16 start = adds ? ISA(load)(to + c) : ISA(splat)(0);
      ISA(store)(to + c, ISA(fma16)(ISA(load)(g + c), ISA(load)(d + c), start));
      ISA(store)(dg + c, ISA(fma16)(ISA(load)(from + c), ISA(load)(d + c), ISA(load)(dg + c)));
    }
  }
}
