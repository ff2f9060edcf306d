// One head: queries `first ..< first + queries`, keys = `prompt_keys` rows from `prompt_row`
// followed by `own_keys` rows from `own_row`. Keys stand transposed in `kt` [head, padded], so
// that sixteen scores are one register.

// Writes columns `at ..< at + keys` of the transposed matrix from rows of `source` [·, 3W].
INLINE void ISA(transpose_keys)(const float *source, size_t row, size_t keys, size_t stride,
                                       size_t head, float *kt, size_t padded, size_t at) {
  for (size_t k = 0; k < keys; k++) {
    const float *from = source + (row + k) * stride;
    for (size_t d = 0; d < head; d++) kt[d * padded + at + k] = from[d];
  }
}

// scores[0 ..< padded] = q · kt
INLINE void ISA(scores)(const float *q, const float *kt, size_t head, size_t padded,
                               float *scores) {
  for (size_t block = 0; block < padded; block += 16) {
    f16 total = ISA(splat)(0);
    for (size_t d = 0; d < head; d++)
      total = ISA(fma16)(ISA(splat)(q[d]), ISA(load)(kt + d * padded + block), total);
    ISA(store)(scores + block, total);
  }
}

// p = softmax(scale · p) over the first `keys`; the padding becomes 0.
INLINE void ISA(softmax)(float *p, size_t keys, size_t padded, float scale) {
  float largest = p[0];
  for (size_t k = 1; k < keys; k++) largest = p[k] > largest ? p[k] : largest;
  for (size_t block = 0; block < padded; block += 16) {
    f16 e = ISA(exponential16)((ISA(load)(p + block) - largest) * scale);
    ISA(store)(p + block, e);
  }
  for (size_t k = keys; k < padded; k++) p[k] = 0;
  f16 totals = ISA(splat)(0);
  for (size_t block = 0; block < padded; block += 16) totals += ISA(load)(p + block);
  float inverse = 1.0f / ISA(sum)(totals);
  for (size_t block = 0; block < padded; block += 16)
    ISA(store)(p + block, ISA(load)(p + block) * inverse);
}

typedef struct {
  size_t first, queries, prompt_row, prompt_keys, own_row, own_keys;
} ISA(Block);

INLINE const float *ISA(key_row)(const ISA(Block) *b, const float *base, size_t stride,
                                        size_t k) {
  size_t row = k < b->prompt_keys ? b->prompt_row + k : b->own_row + (k - b->prompt_keys);
  return base + row * stride;
}

INLINE void ISA(attend_block)(const ISA(Block) *b, const float *q, const float *v,
                                     const float *kt, size_t stride, size_t head, size_t width,
                                     float *out, float *weights, size_t weight_stride,
                                     size_t padded) {
  size_t keys = b->prompt_keys + b->own_keys;
  float scale = 1.0f / __builtin_sqrtf((float)head);
  for (size_t i = b->first; i < b->first + b->queries; i++) {
    float *p = weights + i * weight_stride;
    ISA(scores)(q + i * stride, kt, head, padded, p);
    ISA(softmax)(p, keys, padded, scale);
    for (size_t d = 0; d < head; d += 16) {
      f16 total = ISA(splat)(0);
      for (size_t k = 0; k < keys; k++)
        total = ISA(fma16)(ISA(splat)(p[k]), ISA(load)(ISA(key_row)(b, v, stride, k) + d), total);
      ISA(store)(out + i * width + d, total);
    }
  }
}

static void ISA(attend)(const CKernelsSegments *s, const float *qkv, float *out, float *weights,
                        float *scratch, size_t padded) {
  size_t width = (size_t)s->width, stride = 3 * width, head = width / (size_t)s->heads;
  size_t weight_stride = (size_t)s->heads * padded, n = (size_t)s->tokens;
  for (size_t h = 0; h < (size_t)s->heads; h++) {
    const float *q = qkv + h * head, *k = q + width, *v = k + width;
    float *kt = scratch;
    for (int32_t p = 0; p < s->prompts; p++) {
      size_t row = (size_t)s->prompt_offset[p], count = (size_t)s->prompt_offset[p + 1] - row;
      for (size_t i = 0; i < head * padded; i++) kt[i] = 0;
      ISA(transpose_keys)(k, row, count, stride, head, kt, padded, 0);
      ISA(Block) prompt = {row, count, row, count, 0, 0};
      ISA(attend_block)(&prompt, q, v, kt, stride, head, width, out + h * head,
                        weights + h * padded, weight_stride, padded);
      for (int32_t r = s->latent_offset[p]; r < s->latent_offset[p + 1]; r++) {
        ISA(Block) latent = {(size_t)r * n, n, row, count, (size_t)r * n, n};
        ISA(transpose_keys)(k, latent.own_row, n, stride, head, kt, padded, count);
        ISA(attend_block)(&latent, q, v, kt, stride, head, width, out + h * head,
                          weights + h * padded, weight_stride, padded);
      }
    }
  }
}

// With P the weights and dO the gradient of the output:
// dV = Pᵀ dO,  dP = dO Vᵀ,  dS = P ∘ (dP - rowsum(P ∘ dP)),  dQ = scale · dS K,  dK = scale · dSᵀ Q.
INLINE void ISA(attend_block_gradient)(const ISA(Block) *b, const float *q, const float *k,
                                              const float *vt, size_t stride, size_t head,
                                              size_t width, const float *weights,
                                              size_t weight_stride, const float *dout, float *dq,
                                              float *dk, float *dv, float *ds, size_t padded) {
  size_t keys = b->prompt_keys + b->own_keys;
  float scale = 1.0f / __builtin_sqrtf((float)head);
  for (size_t i = b->first; i < b->first + b->queries; i++) {
    const float *p = weights + i * weight_stride, *d_out = dout + i * width;
    ISA(scores)(d_out, vt, head, padded, ds);
    f16 dots = ISA(splat)(0);
    for (size_t block = 0; block < padded; block += 16)
      dots = ISA(fma16)(ISA(load)(p + block), ISA(load)(ds + block), dots);
    float dot = ISA(sum)(dots);
    for (size_t block = 0; block < padded; block += 16)
      ISA(store)(ds + block, ISA(load)(p + block) * (ISA(load)(ds + block) - dot) * scale);
    for (size_t d = 0; d < head; d += 16) {
      f16 query = ISA(load)(q + i * stride + d), total = ISA(load)(dq + i * stride + d);
      f16 gradient = ISA(load)(d_out + d);
      for (size_t j = 0; j < keys; j++) {
        float *dkj = (float *)ISA(key_row)(b, dk, stride, j) + d;
        float *dvj = (float *)ISA(key_row)(b, dv, stride, j) + d;
        f16 key = ISA(load)(ISA(key_row)(b, k, stride, j) + d);
        total = ISA(fma16)(ISA(splat)(ds[j]), key, total);
        ISA(store)(dkj, ISA(fma16)(ISA(splat)(ds[j]), query, ISA(load)(dkj)));
        ISA(store)(dvj, ISA(fma16)(ISA(splat)(p[j]), gradient, ISA(load)(dvj)));
      }
      ISA(store)(dq + i * stride + d, total);
    }
  }
}

static void ISA(attend_gradient)(const CKernelsSegments *s, const float *qkv,
                                 const float *weights, const float *dout, float *dqkv,
                                 float *scratch, size_t padded) {
  size_t width = (size_t)s->width, stride = 3 * width, head = width / (size_t)s->heads;
  size_t weight_stride = (size_t)s->heads * padded, n = (size_t)s->tokens;
  float *vt = scratch, *ds = scratch + head * padded;
  for (size_t h = 0; h < (size_t)s->heads; h++) {
    const float *q = qkv + h * head, *k = q + width, *v = k + width;
    float *dq = dqkv + h * head, *dk = dq + width, *dv = dk + width;
    for (int32_t p = 0; p < s->prompts; p++) {
      size_t row = (size_t)s->prompt_offset[p], count = (size_t)s->prompt_offset[p + 1] - row;
      for (size_t i = 0; i < head * padded; i++) vt[i] = 0;
      ISA(transpose_keys)(v, row, count, stride, head, vt, padded, 0);
      ISA(Block) prompt = {row, count, row, count, 0, 0};
      ISA(attend_block_gradient)(&prompt, q, k, vt, stride, head, width, weights + h * padded,
                                 weight_stride, dout + h * head, dq, dk, dv, ds, padded);
      for (int32_t r = s->latent_offset[p]; r < s->latent_offset[p + 1]; r++) {
        ISA(Block) latent = {(size_t)r * n, n, row, count, (size_t)r * n, n};
        ISA(transpose_keys)(v, latent.own_row, n, stride, head, vt, padded, count);
        ISA(attend_block_gradient)(&latent, q, k, vt, stride, head, width, weights + h * padded,
                                   weight_stride, dout + h * head, dq, dk, dv, ds, padded);
      }
    }
  }
}
