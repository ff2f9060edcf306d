static void ISA(adamw)(float *p, const float *g, float *m, float *v, size_t count,
                       float gradient_scale, float rate, float beta1, float beta2, float epsilon,
                       float decay, float correct1, float correct2) {
  for (size_t i = 0; i < count; i++) {
    float gradient = g[i] * gradient_scale;
    m[i] = __builtin_fmaf(beta1, m[i], (1.0f - beta1) * gradient);
    v[i] = __builtin_fmaf(beta2, v[i], (1.0f - beta2) * gradient * gradient);
    float step = m[i] * correct1 / (__builtin_sqrtf(v[i] * correct2) + epsilon);
    p[i] = __builtin_fmaf(-rate, __builtin_fmaf(decay, p[i], step), p[i]);
  }
}

static void ISA(approach)(float a, const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = __builtin_fmaf(a, x[i] - y[i], y[i]);
}

// Eight partial sums, then a tree.
static double ISA(sum_of_squares)(const float *x, size_t count) {
  double total[8] = {0};
  size_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (size_t lane = 0; lane < 8; lane++) {
      double value = x[i + lane];
      total[lane] = __builtin_fma(value, value, total[lane]);
    }
  for (; i < count; i++) total[i % 8] = __builtin_fma((double)x[i], (double)x[i], total[i % 8]);
  return ((total[0] + total[4]) + (total[2] + total[6])) +
         ((total[1] + total[5]) + (total[3] + total[7]));
}
