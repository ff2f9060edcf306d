// A block of queries and its keys: the rows of a prompt, then rows of its own. Keys stand
// transposed, so that sixteen scores are one register; rows of scores are `padded` long, a multiple
// of 16, and the transposed keys have sixteen floats more for what a transposition spills.
typedef struct {
  size_t first, queries, prompt_row, prompt_keys, own_row, own_keys;
} ISA(Block);

// p = softmax(scale · p) over the first `keys`; the padding becomes 0.
static void ISA(softmax)(float *p, size_t keys, size_t padded, float scale) {
  for (size_t k = keys; k < padded; k++) p[k] = -__builtin_inff();
  f16 most = ISA(load)(p);
  for (size_t block = 16; block < padded; block += 16) {
    f16 next = ISA(load)(p + block);
    most = ISA(select)(next > most, next, most);
  }
  float largest = ISA(largest)(most);
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

// y[query] = Σ over keys of p[query, key] · rows[key], in the keys' order.
static void ISA(weigh)(const ISA(Block) *b, const float *p, size_t p_row, const float *rows,
                       size_t stride, size_t head, const float *zeros, float *y, size_t y_row) {
  ISA(Operands) o = {p, p_row, 1, rows + b->prompt_row * stride, stride, zeros, 0, y, y_row};
  ISA(product)(&o, b->queries, b->prompt_keys, head);
  if (b->own_keys == 0) return;
  ISA(Operands) own = {p + b->prompt_keys, p_row, 1, rows + b->own_row * stride, stride, y, y_row,
                       y, y_row};
  ISA(product)(&own, b->queries, b->own_keys, head);
}

// rows[key] = Σ over queries of p[query, key] · x[query], in the queries' order. The prompt's own
// block is the first to reach the prompt's keys; the blocks of its latents add to them.
static void ISA(spread)(const ISA(Block) *b, const float *p, size_t p_row, const float *x,
                        size_t x_row, size_t head, const float *zeros, float *rows,
                        size_t stride) {
  float *prompt = rows + b->prompt_row * stride, *own = rows + b->own_row * stride;
  bool adds = b->first != b->prompt_row;
  ISA(Operands) o = {p, 1, p_row, x, x_row, adds ? prompt : zeros, adds ? stride : 0,
                     prompt, stride};
  ISA(product)(&o, b->prompt_keys, b->queries, head);
  if (b->own_keys == 0) return;
  ISA(Operands) mine = {p + b->prompt_keys, 1, p_row, x, x_row, zeros, 0, own, stride};
  ISA(product)(&mine, b->own_keys, b->queries, head);
}

typedef struct {
  size_t width, stride, head, padded, keys_row, weight_row;
  float scale;
  float *transposed, *zeros, *slopes;
} ISA(Attention);

INLINE ISA(Attention) ISA(attention)(const CKernelsSegments *s, size_t padded, float *scratch) {
  size_t width = (size_t)s->width, head = width / (size_t)s->heads;
  ISA(Attention) t = {.width = width,
                      .stride = 3 * width,
                      .head = head,
                      .padded = padded,
                      .keys_row = padded + 16,
                      .weight_row = (size_t)s->heads * padded,
                      .scale = 1.0f / __builtin_sqrtf((float)head),
                      .transposed = scratch,
                      .zeros = scratch + head * (padded + 16)};
  size_t zeros = padded > head ? padded : head;
  for (size_t i = 0; i < zeros; i++) t.zeros[i] = 0;
  t.slopes = t.zeros + zeros;
  return t;
}

static void ISA(attend_block)(const ISA(Attention) *t, const ISA(Block) *b, const float *q,
                              const float *v, float *out, float *weights) {
  float *p = weights + b->first * t->weight_row;
  ISA(Operands) o = {q + b->first * t->stride, t->stride, 1, t->transposed, t->keys_row, t->zeros, 0,
                     p, t->weight_row};
  ISA(product)(&o, b->queries, t->head, t->padded);
  for (size_t i = 0; i < b->queries; i++)
    ISA(softmax)(p + i * t->weight_row, b->prompt_keys + b->own_keys, t->padded, t->scale);
  ISA(weigh)(b, p, t->weight_row, v, t->stride, t->head, t->zeros, out + b->first * t->width,
             t->width);
}

static void ISA(attend)(const CKernelsSegments *s, const float *qkv, float *out, float *weights,
                        float *scratch, size_t padded) {
  ISA(Attention) t = ISA(attention)(s, padded, scratch);
  size_t n = (size_t)s->tokens;
  for (size_t h = 0; h < (size_t)s->heads; h++) {
    const float *q = qkv + h * t.head, *k = q + t.width, *v = k + t.width;
    for (int32_t p = 0; p < s->prompts; p++) {
      size_t row = (size_t)s->prompt_offset[p], count = (size_t)s->prompt_offset[p + 1] - row;
      for (size_t i = 0; i < t.head * t.keys_row; i++) t.transposed[i] = 0;
      ISA(transpose)(k + row * t.stride, t.stride, count, t.head, t.transposed, t.keys_row);
      ISA(Block) prompt = {row, count, row, count, 0, 0};
      ISA(attend_block)(&t, &prompt, q, v, out + h * t.head, weights + h * padded);
      for (int32_t r = s->latent_offset[p]; r < s->latent_offset[p + 1]; r++) {
        ISA(Block) latent = {(size_t)r * n, n, row, count, (size_t)r * n, n};
        ISA(transpose)(k + latent.own_row * t.stride, t.stride, n, t.head, t.transposed + count,
                       t.keys_row);
        ISA(attend_block)(&t, &latent, q, v, out + h * t.head, weights + h * padded);
      }
    }
  }
}

// With P the weights and dO the gradient of the output:
// dV = Pᵀ dO,  dP = dO Vᵀ,  dS = P ∘ (dP - rowsum(P ∘ dP)),  dQ = scale · dS K,  dK = scale · dSᵀ Q.
static void ISA(attend_block_gradient)(const ISA(Attention) *t, const ISA(Block) *b,
                                       const float *q, const float *k, const float *weights,
                                       const float *dout, float *dq, float *dk, float *dv) {
  const float *p = weights + b->first * t->weight_row, *d = dout + b->first * t->width;
  float *ds = t->slopes;
  ISA(Operands) o = {d, t->width, 1, t->transposed, t->keys_row, t->zeros, 0, ds, t->padded};
  ISA(product)(&o, b->queries, t->head, t->padded);
  for (size_t i = 0; i < b->queries; i++) {
    const float *row = p + i * t->weight_row;
    float *slope = ds + i * t->padded;
    f16 dots = ISA(splat)(0);
    for (size_t block = 0; block < t->padded; block += 16)
      dots = ISA(fma16)(ISA(load)(row + block), ISA(load)(slope + block), dots);
    float dot = ISA(sum)(dots);
    for (size_t block = 0; block < t->padded; block += 16)
      ISA(store)(slope + block,
                 ISA(load)(row + block) * (ISA(load)(slope + block) - dot) * t->scale);
  }
  ISA(weigh)(b, ds, t->padded, k, t->stride, t->head, t->zeros, dq + b->first * t->stride,
             t->stride);
  ISA(spread)(b, ds, t->padded, q + b->first * t->stride, t->stride, t->head, t->zeros, dk,
              t->stride);
  ISA(spread)(b, p, t->weight_row, d, t->width, t->head, t->zeros, dv, t->stride);
}

static void ISA(attend_gradient)(const CKernelsSegments *s, const float *qkv,
                                 const float *weights, const float *dout, float *dqkv,
                                 float *scratch, size_t padded) {
  ISA(Attention) t = ISA(attention)(s, padded, scratch);
  size_t n = (size_t)s->tokens;
  for (size_t h = 0; h < (size_t)s->heads; h++) {
    const float *q = qkv + h * t.head, *k = q + t.width, *v = k + t.width;
    float *dq = dqkv + h * t.head, *dk = dq + t.width, *dv = dk + t.width;
    const float *p_weights = weights + h * padded, *d = dout + h * t.head;
    for (int32_t p = 0; p < s->prompts; p++) {
      size_t row = (size_t)s->prompt_offset[p], count = (size_t)s->prompt_offset[p + 1] - row;
      for (size_t i = 0; i < t.head * t.keys_row; i++) t.transposed[i] = 0;
      ISA(transpose)(v + row * t.stride, t.stride, count, t.head, t.transposed, t.keys_row);
      ISA(Block) prompt = {row, count, row, count, 0, 0};
      ISA(attend_block_gradient)(&t, &prompt, q, k, p_weights, d, dq, dk, dv);
      for (int32_t r = s->latent_offset[p]; r < s->latent_offset[p + 1]; r++) {
        ISA(Block) latent = {(size_t)r * n, n, row, count, (size_t)r * n, n};
        ISA(transpose)(v + latent.own_row * t.stride, t.stride, n, t.head, t.transposed + count,
                       t.keys_row);
        ISA(attend_block_gradient)(&t, &latent, q, k, p_weights, d, dq, dk, dv);
      }
    }
  }
}
