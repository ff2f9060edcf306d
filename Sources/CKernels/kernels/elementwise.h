static inline float ISA(sigmoid)(float x) { return 1.0f / (1.0f + ISA(exponential)(-x)); }

// ½(1 + tanh u) = sigmoid(2u),  u = √(2/π)(x + 0.044715 x³)
static inline float ISA(gelu_gate)(float x) {
  return ISA(sigmoid)(1.5957691216f * (x + 0.044715f * x * x * x));
}

static void ISA(gelu)(const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = x[i] * ISA(gelu_gate)(x[i]);
}

static void ISA(gelu_gradient)(const float *x, const float *dy, float *dx, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float s = ISA(gelu_gate)(x[i]);
    float slope = 1.5957691216f * (1.0f + 0.134145f * x[i] * x[i]);
    dx[i] += dy[i] * (s + x[i] * s * (1.0f - s) * slope);
  }
}

static void ISA(silu)(const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = x[i] * ISA(sigmoid)(x[i]);
}

static void ISA(silu_gradient)(const float *x, const float *dy, float *dx, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float s = ISA(sigmoid)(x[i]);
    dx[i] += dy[i] * (s + x[i] * s * (1.0f - s));
  }
}

static void ISA(add_scaled)(float a, const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += a * x[i];
}

static void ISA(fill_rows)(const float *b, float *y, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++) y[r * columns + c] = b[c];
}

static void ISA(sum_rows)(const float *dy, float *db, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++) db[c] += dy[r * columns + c];
}

static void ISA(gated_add)(const float *x, const float *h, const float *gate, size_t stride,
                           const int32_t *group, float *y, size_t rows, size_t width) {
  for (size_t r = 0; r < rows; r++) {
    const float *g = gate + (size_t)group[r] * stride;
    for (size_t c = 0; c < width; c++)
      y[r * width + c] = x[r * width + c] + g[c] * h[r * width + c];
  }
}

static void ISA(gated_add_gradient)(const float *h, const float *gate, size_t stride,
                                    const int32_t *group, const float *dy, float *dx, float *dh,
                                    float *dgate, size_t rows, size_t width) {
  for (size_t r = 0; r < rows; r++) {
    const float *g = gate + (size_t)group[r] * stride;
    float *dg = dgate + (size_t)group[r] * stride;
    for (size_t c = 0; c < width; c++) {
      float d = dy[r * width + c];
      dx[r * width + c] += d;
      dh[r * width + c] += g[c] * d;
      dg[c] += h[r * width + c] * d;
    }
  }
}
