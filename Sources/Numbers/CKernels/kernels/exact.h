// Noise, and the step that uses it. Nothing is fused here: every operation is rounded by itself.

// ln u for u in (0, 1]: u = 2ᵉ·m with m in [√½, √2), ln m = 2(s + s³/3 + s⁵/5 + …), s = (m-1)/(m+1).
INLINE f16 ISA(logarithm)(f16 u) {
  i16 bits = (i16)u;
  i16 e = (bits - 0x3f3504f3) >> 23;
  f16 m = (f16)(bits - (e << 23));
  f16 s = (m - 1.0f) / (m + 1.0f);
  f16 z = s * s;
  f16 p = ISA(splat)(0.111111111f);
  p = p * z + 0.142857143f;
  p = p * z + 0.2f;
  p = p * z + 0.333333333f;
  p = p * z + 1.0f;
  return __builtin_convertvector(e, f16) * 0.693147181f + 2.0f * s * p;
}

// Box & Muller 1958: √(-2 ln u) · (cos 2πw, sin 2πw), u in 23 bits and never 0, w in 24 bits: two
// for the quadrant, 22 for the place in it.
INLINE void ISA(box_muller)(u16 a, u16 b, f16 *first, f16 *second) {
  f16 u = (__builtin_convertvector((i16)(a >> 9), f16) + 0.5f) * 1.1920928955078125e-07f;
  f16 radius = __builtin_elementwise_sqrt(-2.0f * ISA(logarithm)(u));
  f16 t = __builtin_convertvector((i16)((b >> 8) & 0x3fffff), f16) *
          (1.57079633f * 2.384185791015625e-07f);
  f16 z = t * t;
  f16 s = ISA(splat)(-2.50521084e-8f);
  s = s * z + 2.75573192e-6f;
  s = s * z + -1.98412698e-4f;
  s = s * z + 8.33333333e-3f;
  s = s * z + -1.66666667e-1f;
  s = s * z + 1.0f;
  s = s * t;
  f16 c = ISA(splat)(2.08767570e-9f);
  c = c * z + -2.75573192e-7f;
  c = c * z + 2.48015873e-5f;
  c = c * z + -1.38888889e-3f;
  c = c * z + 4.16666667e-2f;
  c = c * z + -0.5f;
  c = c * z + 1.0f;
  // Quadrants 1 and 3 swap the two; the signs are those of the quadrant.
  i16 swapped = (i16)(b << 1) >> 31;
  u16 sign_of_cosine = (b ^ (b << 1)) & 0x80000000u, sign_of_sine = b & 0x80000000u;
  f16 x = ISA(select)(swapped, s, c), y = ISA(select)(swapped, c, s);
  *first = radius * (f16)((u16)x ^ sign_of_cosine);
  *second = radius * (f16)((u16)y ^ sign_of_sine);
}

// Philox4x32-10 of eight counters: words stand in the low halves of the lanes of x0 … x3; what is in
// the high halves does not matter.
INLINE void ISA(philox8)(const uint32_t key[2], l8 x[4]) {
  uint32_t k0 = key[0], k1 = key[1];
  UNROLL for (int round = 0; round < 10; round++) {
    l8 p = (x[0] & 0xffffffffu) * 0xD2511F53u, q = (x[2] & 0xffffffffu) * 0xCD9E8D57u;
    x[0] = (q >> 32) ^ x[1] ^ k0;
    x[2] = (p >> 32) ^ x[3] ^ k1;
    x[1] = q;
    x[3] = p;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

// The 64 normals of sixteen blocks.
INLINE void ISA(normals64)(const CKernelsNoise *noise, uint32_t block, float *out) {
  // Even and odd blocks: side by side again, they are in order.
  const l8 pairs = {0, 2, 4, 6, 8, 10, 12, 14};
  const l8 zero = {0};
  l8 even[4] = {zero + noise->unit[0], zero + noise->unit[1], zero + noise->place, pairs + block};
  l8 odd[4] = {even[0], even[1], even[2], pairs + (uint64_t)block + 1};
  ISA(philox8)(noise->key, even);
  ISA(philox8)(noise->key, odd);
  u16 word[4];
  UNROLL for (int i = 0; i < 4; i++) word[i] = (u16)((even[i] & 0xffffffffu) | (odd[i] << 32));
  f16 n0, n1, n2, n3;
  ISA(box_muller)(word[0], word[1], &n0, &n1);
  ISA(box_muller)(word[2], word[3], &n2, &n3);
  // Lane i holds block i: [n0, n1, n2, n3] of each, in order.
#define PAIRS(a, b, i) \
  __builtin_shufflevector(a, b, i, 16 + i, i + 1, 17 + i, i + 2, 18 + i, i + 3, 19 + i, i + 4, \
                          20 + i, i + 5, 21 + i, i + 6, 22 + i, i + 7, 23 + i)
#define FOURS(a, b, i) \
  __builtin_shufflevector(a, b, i, i + 1, 16 + i, 17 + i, i + 2, i + 3, 18 + i, 19 + i, i + 4, \
                          i + 5, 20 + i, 21 + i, i + 6, i + 7, 22 + i, 23 + i)
  f16 low01 = PAIRS(n0, n1, 0), low23 = PAIRS(n2, n3, 0);
  f16 high01 = PAIRS(n0, n1, 8), high23 = PAIRS(n2, n3, 8);
  ISA(store)(out, FOURS(low01, low23, 0));
  ISA(store)(out + 16, FOURS(low01, low23, 8));
  ISA(store)(out + 32, FOURS(high01, high23, 0));
  ISA(store)(out + 48, FOURS(high01, high23, 8));
#undef PAIRS
#undef FOURS
}

static void ISA(normals)(const CKernelsNoise *noise, float *out, size_t count) {
  size_t start = 0;
  for (; start + 64 <= count; start += 64)
    ISA(normals64)(noise, (uint32_t)(start / 4), out + start);
  if (start == count) return;
  float last[64];
  ISA(normals64)(noise, (uint32_t)(start / 4), last);
  __builtin_memcpy(out + start, last, (count - start) * sizeof(float));
}

static void ISA(transition)(float a, const float *x, float b, const float *v, float s,
                            const float *e, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = (a * x[i] + b * v[i]) + s * e[i];
}
