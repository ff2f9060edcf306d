// Noise, and the step that uses it.

// ln u for u in (0, 1]: u = 2ᵉ·m with m in [√½, √2), ln m = 2(s + s³/3 + s⁵/5 + …), s = (m-1)/(m+1).
INLINE float ISA(logarithm)(float u) {
  union {
    float f;
    int32_t i;
  } bits;
  bits.f = u;
  int32_t e = (bits.i - 0x3f3504f3) >> 23;
  bits.i -= e * (1 << 23);
  float s = (bits.f - 1.0f) / (bits.f + 1.0f);
  float z = s * s;
  float p = 0.111111111f;
  p = p * z + 0.142857143f;
  p = p * z + 0.2f;
  p = p * z + 0.333333333f;
  p = p * z + 1.0f;
  return (float)e * 0.693147181f + 2.0f * s * p;
}

// Box & Muller 1958: √(-2 ln u) · (cos 2πw, sin 2πw), u in 23 bits and never 0, w in 24 bits.
INLINE void ISA(box_muller)(uint32_t a, uint32_t b, float *first, float *second) {
  float u = ((float)(int32_t)(a >> 9) + 0.5f) * 1.1920928955078125e-07f;
  float radius = __builtin_sqrtf(-2.0f * ISA(logarithm)(u));
  int32_t quadrant = (int32_t)(b >> 30);
  float t = (float)(int32_t)((b >> 8) & 0x3fffff) * (1.57079633f * 2.384185791015625e-07f);
  float z = t * t;
  float s = -2.50521084e-8f;
  s = s * z + 2.75573192e-6f;
  s = s * z + -1.98412698e-4f;
  s = s * z + 8.33333333e-3f;
  s = s * z + -1.66666667e-1f;
  s = s * z + 1.0f;
  s = s * t;
  float c = 2.08767570e-9f;
  c = c * z + -2.75573192e-7f;
  c = c * z + 2.48015873e-5f;
  c = c * z + -1.38888889e-3f;
  c = c * z + 4.16666667e-2f;
  c = c * z + -0.5f;
  c = c * z + 1.0f;
  float x = quadrant & 1 ? s : c, y = quadrant & 1 ? c : s;
  *first = radius * ((quadrant + 1) & 2 ? -x : x);
  *second = radius * (quadrant & 2 ? -y : y);
}

static void ISA(normals)(const CKernelsNoise *noise, float *out, size_t count) {
  float block[16][4];
  for (size_t start = 0; start < count; start += 64) {
    for (uint32_t lane = 0; lane < 16; lane++) {
      uint32_t x0 = noise->unit[0], x1 = noise->unit[1], x2 = noise->place;
      uint32_t x3 = (uint32_t)(start / 4) + lane, k0 = noise->key[0], k1 = noise->key[1];
      for (int round = 0; round < 10; round++) {
        uint64_t p = (uint64_t)x0 * 0xD2511F53u, q = (uint64_t)x2 * 0xCD9E8D57u;
        uint32_t y0 = (uint32_t)(q >> 32) ^ x1 ^ k0, y2 = (uint32_t)(p >> 32) ^ x3 ^ k1;
        x1 = (uint32_t)q;
        x3 = (uint32_t)p;
        x0 = y0;
        x2 = y2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
      }
      ISA(box_muller)(x0, x1, &block[lane][0], &block[lane][1]);
      ISA(box_muller)(x2, x3, &block[lane][2], &block[lane][3]);
    }
    size_t rest = count - start < 64 ? count - start : 64;
    for (size_t i = 0; i < rest; i++) out[start + i] = block[i / 4][i % 4];
  }
}

static void ISA(transition)(float a, const float *x, float b, const float *v, float s,
                            const float *e, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = (a * x[i] + b * v[i]) + s * e[i];
}
