static void ISA(adamw)(float *p, const float *g, float *m, float *v, size_t count,
                       float gradient_scale, float rate, float beta1, float beta2, float epsilon,
                       float decay, float correct1, float correct2) {
  for (size_t i = 0; i < count; i++) {
    float gradient = g[i] * gradient_scale;
    m[i] = beta1 * m[i] + (1.0f - beta1) * gradient;
    v[i] = beta2 * v[i] + (1.0f - beta2) * gradient * gradient;
    float step = m[i] * correct1 / (__builtin_sqrtf(v[i] * correct2) + epsilon);
    p[i] -= rate * (step + decay * p[i]);
  }
}

static void ISA(approach)(float a, const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += a * (x[i] - y[i]);
}

static double ISA(sum_of_squares)(const float *x, size_t count) {
  double total = 0;
  for (size_t i = 0; i < count; i++) total += (double)x[i] * (double)x[i];
  return total;
}
