#include "walk.h"

#include <float.h>
#include <math.h>

size_t walked;

static uint32_t mixed(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

static float number(Fill fill, uint32_t random) {
  static const float unwelcome[] = {
      NAN,      -NAN,     INFINITY, -INFINITY, 0.0f,   -0.0f,   FLT_TRUE_MIN, -FLT_TRUE_MIN,
      FLT_MAX,  -FLT_MAX, FLT_MIN,  -FLT_MIN,  87.0f,  -87.0f,  88.5f,        -103.0f,
      1e-20f,   1e20f,    1.0f,     -1.0f,     0.5f,   1e-38f,  2147483648.0f, -3e9f,
  };
  float moderate = (float)(random >> 8) / (float)(1 << 22) - 2.0f;
  switch (fill) {
    case UNWELCOME:
      return random & 1 ? moderate
                        : unwelcome[(random >> 1) % (sizeof unwelcome / sizeof *unwelcome)];
    case SUBNORMAL: return moderate * 1e-39f;
    default: return moderate;
  }
}

Floats floats_make(size_t count, Fill fill, uint32_t seed, int off) {
  Floats x = {.count = count};
  x.allocation = malloc((count + (off ? 1 : 0)) * sizeof(float));
  if (x.allocation == NULL) abort();
  x.start = x.allocation + (off ? 1 : 0);
  for (size_t i = 0; i < count; i++)
    x.start[i] = number(fill, mixed(seed * 0x9e3779b9u + (uint32_t)i));
  return x;
}

void floats_free(Floats *x) { free(x->allocation); }

size_t kernel_sets(const CKernels *sets[3]) {
  const CKernels *all[] = {CKernels_portable(), CKernels_avx2(), CKernels_avx512()};
  size_t count = 0;
  for (size_t i = 0; i < 3; i++)
    if (all[i] != NULL) sets[count++] = all[i];
  return count;
}

void expect_same(Expected *expected, const char *what, const CKernels *set, const float *got,
                 size_t count) {
  walked++;
  if (expected->bits == NULL) {
    expected->count = count;
    expected->bits = malloc(count * sizeof(float) + 1);
    if (expected->bits == NULL) abort();
    memcpy(expected->bits, got, count * sizeof(float));
    return;
  }
  for (size_t i = 0; i < count; i++) {
    float a = expected->bits[i], b = got[i];
    // Which of two NaNs an operation returns is the processor's choice.
    if (a != a && b != b) continue;
    if (memcmp(&a, &b, sizeof a) != 0) {
      fprintf(stderr, "%a beside %a: ", (double)a, (double)b);
      fail(what, set->name, i);
    }
  }
}

void expected_free(Expected *expected) {
  free(expected->bits);
  expected->bits = NULL;
}

void fail(const char *what, const char *set, size_t index) {
  fprintf(stderr, "%s, %s: element %zu is wrong\n", what, set, index);
  exit(1);
}

int main(void) {
  const CKernels *sets[3];
  size_t count = kernel_sets(sets);
  printf("kernel sets:");
  for (size_t i = 0; i < count; i++) printf(" %s", sets[i]->name);
  static const struct {
    const char *name;
    void (*walk)(void);
  } parts[] = {{"products", walk_products}, {"attention", walk_attention},
               {"elementwise", walk_elementwise}, {"rows", walk_rows},
               {"noise", walk_noise}, {"checksum", walk_checksum},
               {"wire", walk_wire}};
  printf("\n");
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    walked = 0;
    parts[i].walk();
    printf("%-12s %zu calls\n", parts[i].name, walked);
    fflush(stdout);
  }
  return 0;
}
