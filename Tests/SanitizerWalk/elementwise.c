#include "walk.h"

// One kernel on arrays x, z, w with output y (and m, v), all of `n` floats.
typedef void (*Call)(const CKernels *set, const float *x, const float *z, const float *w, float *y,
                     float *m, float *v, size_t n);

#define CALL(name, ...)                                                                           \
  static void name(const CKernels *set, const float *x, const float *z, const float *w, float *y, \
                   float *m, float *v, size_t n) {                                                \
    (void)x, (void)z, (void)w, (void)y, (void)m, (void)v;                                         \
    __VA_ARGS__;                                                                                  \
  }

CALL(gelu, set->gelu(x, y, n))
CALL(gelu_in_place, set->gelu(y, y, n))
CALL(gelu_gradient, set->gelu_gradient(x, z, y, n))
CALL(gelu_gradient_in_place, set->gelu_gradient_in_place(x, y, n))
CALL(silu, set->silu(x, y, n))
CALL(silu_gradient, set->silu_gradient(x, z, y, n))
CALL(add_scaled, set->add_scaled(-0.3f, x, y, n))
CALL(add_itself, set->add_scaled(1.0f, y, y, n))
CALL(approach, set->approach(0.1f, x, y, n))
CALL(transition, set->transition(0.9f, x, -0.1f, z, 0.4f, w, y, n))
CALL(adamw, set->adamw(y, x, m, v, n, 0.5f, 1e-3f, 0.9f, 0.99f, 1e-8f, 0.01f, 2.0f, 3.0f))
CALL(sweep, set->sweep(y, n))
CALL(sum_of_squares, double sum = set->sum_of_squares(x, n);
     if (n >= 2) memcpy(y, &sum, sizeof sum))

static const struct {
  const char *name;
  Call call;
} calls[] = {
    {"gelu", gelu},
    {"gelu in place", gelu_in_place},
    {"gelu_gradient", gelu_gradient},
    {"gelu_gradient_in_place", gelu_gradient_in_place},
    {"silu", silu},
    {"silu_gradient", silu_gradient},
    {"add_scaled", add_scaled},
    {"add_scaled to itself", add_itself},
    {"approach", approach},
    {"transition", transition},
    {"adamw", adamw},
    {"sweep", sweep},
};

static void walk(const char *name, Call call, size_t n, Fill fill, int off) {
  const CKernels *sets[3];
  size_t count = kernel_sets(sets);
  Floats x = floats_make(n, fill, 1, off), z = floats_make(n, fill, 2, off);
  Floats w = floats_make(n, fill, 3, off);
  Expected bits[3] = {0};
  for (size_t s = 0; s < count; s++) {
    Floats out[3];
    for (uint32_t i = 0; i < 3; i++) out[i] = floats_make(n, fill, 4 + i, off);
    call(sets[s], x.start, z.start, w.start, out[0].start, out[1].start, out[2].start, n);
    for (size_t i = 0; i < 3; i++) {
      expect_same(&bits[i], name, sets[s], out[i].start, n);
      floats_free(&out[i]);
    }
    walked -= 2;
  }
  for (size_t i = 0; i < 3; i++) expected_free(&bits[i]);
  floats_free(&x);
  floats_free(&z);
  floats_free(&w);
}

void walk_elementwise(void) {
  for (size_t n = 0; n < 200; n = n < 70 ? n + 1 : n + 41)
    for (int fill = 0; fill < FILLS; fill++)
      for (int off = 0; off < 2; off++) {
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
          walk(calls[i].name, calls[i].call, n, (Fill)fill, off);
        // A NaN's bits are no promise; as floats the halves of the sum might be one.
        if (fill != UNWELCOME) walk("sum_of_squares", sum_of_squares, n, (Fill)fill, off);
        else walk("sum_of_squares", sweep, n, (Fill)fill, off);
      }
}
