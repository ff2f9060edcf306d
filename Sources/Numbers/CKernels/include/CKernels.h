#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crc32c.h"

// Loops over float32: pointers and counts in, nothing allocated, no I/O, no state. One source,
// `kernels/*.h`, is compiled once per instruction set; the tables below hold the results. Every
// rounding is written out, so all tables give the same bits. Matrices are row-major. "+=" in a
// comment means that the kernel accumulates.

// Where the keys of attention are: the rows of a token matrix that holds R latents of N tokens
// each, followed by the tokens of the prompts, `[R·N + ΣP, ·]`.
typedef struct {
  int32_t latents;                // R
  int32_t tokens;                 // N, per latent
  int32_t prompts;
  int32_t heads;
  int32_t width;                  // W = heads · head width; the head width is a multiple of 16
  const int32_t *prompt_offset;   // [prompts + 1], first token row of each prompt
  const int32_t *latent_offset;   // [prompts + 1], first latent that belongs to each prompt
} CKernelsSegments;

// The address of one stream of random words: Philox4x32-10 with this key and the counter
// (unit low, unit high, purpose:8 | step:12 | branch:12, block), block = 0, 1, ….
typedef struct {
  uint32_t key[2];
  uint32_t unit[2];
  uint32_t place;
} CKernelsNoise;

typedef struct {
  const char *name;

  // y [rows, columns] = bias + a·b, or y += a·b where bias is NULL. a[r, k] stands at
  // r · row_stride + k · inner_stride, b[k, c] at k · b_inner_stride + c · b_column_stride.
  void (*multiply)(const float *a, size_t row_stride, size_t inner_stride, const float *b,
                   size_t b_inner_stride, size_t b_column_stride, const float *bias, float *y,
                   size_t rows, size_t inner, size_t columns);

  // y[i] = x[i] · Φ(x[i]) with the tanh form of Φ;  dx += dy · y'(x)
  void (*gelu)(const float *x, float *y, size_t count);
  void (*gelu_gradient)(const float *x, const float *dy, float *dx, size_t count);
  // dy *= y'(x)
  void (*gelu_gradient_in_place)(const float *x, float *dy, size_t count);
  // y[i] = x[i] / (1 + exp(-x[i]));  dx += dy · y'(x)
  void (*silu)(const float *x, float *y, size_t count);
  void (*silu_gradient)(const float *x, const float *dy, float *dx, size_t count);
  // y += a · x
  void (*add_scaled)(float a, const float *x, float *y, size_t count);
  // db[c] += Σ_r dy[r, c]
  void (*sum_rows)(const float *dy, float *db, size_t rows, size_t columns);

  // y[r] = (x[r] - mean) / √(var + 1e-6) · (1 + scale[g]) + shift[g],  g = group[r];
  // width is a multiple of 16; shift and scale are columns of modulation [G, stride]; inverse[r] = 1 / √(var + 1e-6).
  void (*modulate)(const float *x, const float *shift, const float *scale, size_t stride,
                   const int32_t *group, float *y, float *mean, float *inverse, size_t rows,
                   size_t width);
  // dx = or, if `adds`, dx +=; dshift[g] +=, dscale[g] +=
  void (*modulate_gradient)(const float *x, const float *scale, size_t stride,
                            const int32_t *group, const float *mean, const float *inverse,
                            const float *dy, float *dx, float *dshift, float *dscale,
                            size_t rows, size_t width, bool adds);
  // y[r] = x[r] + gate[g] · h[r]
  void (*gated_add)(const float *x, const float *h, const float *gate, size_t stride,
                    const int32_t *group, float *y, size_t rows, size_t width);
  // dh = or, if `adds`, dh += gate · dy; dgate[g] += h · dy
  void (*gated_add_gradient)(const float *h, const float *gate, size_t stride,
                             const int32_t *group, const float *dy, float *dh, float *dgate,
                             size_t rows, size_t width, bool adds);

  // Softmax attention over qkv [tokens, 3W]. A latent's tokens see its prompt and themselves, a
  // prompt's tokens see the prompt. `weights` keeps the probabilities for the gradient, one row
  // of `padded_keys` floats for each (query, head). `scratch` holds
  // head width · (padded keys + 16) + max(padded keys, head width) + most queries · padded keys.
  void (*attend)(const CKernelsSegments *segments, const float *qkv, float *out, float *weights,
                 float *scratch, size_t padded_keys);
  // dqkv =
  void (*attend_gradient)(const CKernelsSegments *segments, const float *qkv,
                          const float *weights, const float *dout, float *dqkv, float *scratch,
                          size_t padded_keys);

  // AdamW (Loshchilov & Hutter 2019): moments in place, then
  // p -= rate · (m̂ / (√v̂ + ε) + decay · p) with m̂ = m · correct1, v̂ = v · correct2.
  void (*adamw)(float *p, const float *g, float *m, float *v, size_t count, float gradient_scale,
                float rate, float beta1, float beta2, float epsilon, float decay, float correct1,
                float correct2);
  // y += a · (x - y)
  void (*approach)(float a, const float *x, float *y, size_t count);
  // Σ x², in double
  double (*sum_of_squares)(const float *x, size_t count);

  // Standard normals of one stream; four for each block, `count` of them.
  void (*normals)(const CKernelsNoise *noise, float *out, size_t count);
  // y = a·x + b·v + s·e
  void (*transition)(float a, const float *x, float b, const float *v, float s, const float *e,
                     float *y, size_t count);

  // The yardsticks of benchmarks: fused multiply-adds on registers alone, `peak_operations`
  // floating-point operations a round; and y = -y.
  float (*peak)(size_t rounds);
  size_t peak_operations;
  void (*sweep)(float *y, size_t count);
} CKernels;

// The table of one instruction set, or NULL where this processor or build does not have it.
const CKernels *CKernels_portable(void);
const CKernels *CKernels_avx2(void);
const CKernels *CKernels_avx512(void);

// One block of Philox4x32-10 (Salmon et al. 2011): out = bijection of counter under key.
void CKernels_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#endif
