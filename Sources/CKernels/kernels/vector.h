// Sixteen floats at once; the compiler splits them where the registers are narrower.
#pragma clang fp reassociate(on) contract(fast)

#undef INLINE
#define INLINE static inline __attribute__((always_inline))

#ifndef CKERNELS_F16
#define CKERNELS_F16
typedef float f16 __attribute__((vector_size(64), aligned(4)));
#endif

INLINE f16 ISA(load)(const float *p) { return *(const f16 *)p; }
INLINE void ISA(store)(float *p, f16 x) { *(f16 *)p = x; }
INLINE f16 ISA(splat)(float x) {
  return (f16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}
INLINE float ISA(sum)(f16 x) {
  float total = 0;
  for (int i = 0; i < 16; i++) total += x[i];
  return total;
}

// exp(x) = 2ⁿ · exp(r), |r| ≤ ½ ln 2, by a polynomial of degree 6; x is held in -87 … 88.
INLINE float ISA(exponential)(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  float n = __builtin_rintf(x * 1.44269504f);
  float r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  float p = 1.3888889e-3f;
  p = p * r + 8.3333333e-3f;
  p = p * r + 4.1666667e-2f;
  p = p * r + 1.6666667e-1f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  union {
    int32_t i;
    float f;
  } scale;
  scale.i = ((int32_t)n + 127) << 23;
  return p * scale.f;
}

INLINE f16 ISA(exponential16)(f16 x) {
  f16 y;
  for (int i = 0; i < 16; i++) y[i] = ISA(exponential)(x[i]);
  return y;
}
