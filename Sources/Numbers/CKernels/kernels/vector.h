// Sixteen floats at once; the compiler splits them where registers are narrower.
//
// No kernel lets the compiler reorder or contract: every fused multiply-add is written, every sum
// has a written order, so all instruction sets give the same bits.
#pragma clang fp reassociate(off) contract(off)

#undef INLINE
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
// For loops whose output may be their input: element i depends on element i alone.
#define IN_PLACE _Pragma("clang loop vectorize(assume_safety)")

#ifndef CKERNELS_F16
#define CKERNELS_F16
typedef float f16 __attribute__((vector_size(64), aligned(4)));
typedef int32_t i16 __attribute__((vector_size(64), aligned(4)));
typedef uint32_t u16 __attribute__((vector_size(64)));
typedef uint64_t l8 __attribute__((vector_size(64)));
typedef float f8 __attribute__((vector_size(32)));
typedef float f4 __attribute__((vector_size(16)));
#endif

INLINE f16 ISA(load)(const float *p) { return *(const f16 *)p; }
INLINE void ISA(store)(float *p, f16 x) { *(f16 *)p = x; }
INLINE f16 ISA(splat)(float x) {
  return (f16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}
// a·b + c, rounded once
INLINE f16 ISA(fma16)(f16 a, f16 b, f16 c) { return __builtin_elementwise_fma(a, b, c); }

// The sum of the lanes as a tree: lane i with lane i + 8, then i + 4, i + 2, i + 1.
INLINE float ISA(sum)(f16 x) {
  f8 eight = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
             __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
  f4 four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
            __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
  return (four[0] + four[2]) + (four[1] + four[3]);
}

// exp(x) = 2ⁿ · exp(r), |r| ≤ ½ ln 2, by a polynomial of degree 6; x is held in -87 … 88, and a
// NaN stays one.
INLINE float ISA(exponential)(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  float n = __builtin_rintf(x * 1.44269504f);
  float r = __builtin_fmaf(n, -0.693359375f, x);
  r = __builtin_fmaf(n, 2.12194440e-4f, r);
  float p = 1.3888889e-3f;
  p = __builtin_fmaf(p, r, 8.3333333e-3f);
  p = __builtin_fmaf(p, r, 4.1666667e-2f);
  p = __builtin_fmaf(p, r, 1.6666667e-1f);
  p = __builtin_fmaf(p, r, 0.5f);
  p = __builtin_fmaf(p, r, 1.0f);
  p = __builtin_fmaf(p, r, 1.0f);
  // A NaN has no integer: any scale will do, p is one already.
  union {
    int32_t i;
    float f;
  } scale;
  scale.i = ((int32_t)(n == n ? n : 0.0f) + 127) * (1 << 23);
  return p * scale.f;
}

INLINE f16 ISA(select)(i16 mask, f16 yes, f16 no) {
  return (f16)((mask & (i16)yes) | (~mask & (i16)no));
}

// The largest lane, as a tree.
INLINE float ISA(largest)(f16 x) {
  f16 y = __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  x = ISA(select)(y > x, y, x);
  y = __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
  x = ISA(select)(y > x, y, x);
  y = __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  x = ISA(select)(y > x, y, x);
  return x[1] > x[0] ? x[1] : x[0];
}

INLINE f16 ISA(exponential16)(f16 x) {
  const f16 low = ISA(splat)(-87.0f), high = ISA(splat)(88.0f);
  x = ISA(select)(x < low, low, x);
  x = ISA(select)(x > high, high, x);
  f16 n = __builtin_elementwise_rint(x * 1.44269504f);
  f16 r = ISA(fma16)(n, ISA(splat)(-0.693359375f), x);
  r = ISA(fma16)(n, ISA(splat)(2.12194440e-4f), r);
  f16 p = ISA(splat)(1.3888889e-3f);
  p = ISA(fma16)(p, r, ISA(splat)(8.3333333e-3f));
  p = ISA(fma16)(p, r, ISA(splat)(4.1666667e-2f));
  p = ISA(fma16)(p, r, ISA(splat)(1.6666667e-1f));
  p = ISA(fma16)(p, r, ISA(splat)(0.5f));
  p = ISA(fma16)(p, r, ISA(splat)(1.0f));
  p = ISA(fma16)(p, r, ISA(splat)(1.0f));
  i16 whole = __builtin_convertvector(ISA(select)(n == n, n, ISA(splat)(0)), i16);
  return p * (f16)((whole + 127) << 23);
}
