#include "walk.h"

typedef struct {
  int32_t prompts;
  int32_t prompt_tokens[3];
  int32_t latents[3];
} Prompts;

static void walk(const Prompts *p, int32_t tokens, int32_t heads, int32_t head, Fill fill,
                 int off) {
  const CKernels *sets[3];
  size_t count = kernel_sets(sets);
  int32_t latents = 0, longest = 0;
  for (int32_t i = 0; i < p->prompts; i++) {
    latents += p->latents[i];
    if (p->prompt_tokens[i] > longest) longest = p->prompt_tokens[i];
  }
  int32_t *prompt_offset = malloc((size_t)(p->prompts + 1) * sizeof *prompt_offset);
  int32_t *latent_offset = malloc((size_t)(p->prompts + 1) * sizeof *latent_offset);
  if (prompt_offset == NULL || latent_offset == NULL) abort();
  prompt_offset[0] = latents * tokens;
  latent_offset[0] = 0;
  for (int32_t i = 0; i < p->prompts; i++) {
    prompt_offset[i + 1] = prompt_offset[i] + p->prompt_tokens[i];
    latent_offset[i + 1] = latent_offset[i] + p->latents[i];
  }
  CKernelsSegments segments = {latents,      tokens, p->prompts, heads, heads * head,
                               prompt_offset, latent_offset};
  size_t all = (size_t)prompt_offset[p->prompts], width = (size_t)(heads * head);
  size_t padded = ((size_t)(longest + tokens) + 15) / 16 * 16, h = (size_t)head;
  size_t queries = (size_t)(tokens > longest ? tokens : longest);
  size_t scratch_count = h * (padded + 16) + (padded > h ? padded : h) + queries * padded;
  size_t weight_count = all * (size_t)heads * padded;
  Floats qkv = floats_make(all * 3 * width, fill, 1, off);
  Floats dout = floats_make(all * width, fill, 2, off);
  Expected out_bits = {0}, weight_bits = {0}, slope_bits = {0};
  for (size_t s = 0; s < count; s++) {
    // Memory as an arena hands it out: with whatever was there before.
    Floats out = floats_make(all * width, UNWELCOME, 3, off);
    Floats weights = floats_make(weight_count, UNWELCOME, 4, off);
    Floats scratch = floats_make(scratch_count, UNWELCOME, 5, off);
    Floats slope = floats_make(all * 3 * width, MODERATE, 6, off);
    sets[s]->attend(&segments, qkv.start, out.start, weights.start, scratch.start, padded);
    expect_same(&out_bits, "attend", sets[s], out.start, out.count);
    expect_same(&weight_bits, "attend's weights", sets[s], weights.start, weights.count);
    sets[s]->attend_gradient(&segments, qkv.start, weights.start, dout.start, slope.start,
                             scratch.start, padded);
    expect_same(&slope_bits, "attend_gradient", sets[s], slope.start, slope.count);
    floats_free(&out);
    floats_free(&weights);
    floats_free(&scratch);
    floats_free(&slope);
  }
  expected_free(&out_bits);
  expected_free(&weight_bits);
  expected_free(&slope_bits);
  floats_free(&qkv);
  floats_free(&dout);
  free(prompt_offset);
  free(latent_offset);
}

void walk_attention(void) {
  static const Prompts prompts[] = {
      {0, {0}, {0}},          {1, {0}, {0}},          {1, {0}, {1}},        {1, {1}, {0}},
      {1, {5}, {3}},          {2, {0, 7}, {1, 2}},    {3, {16, 0, 1}, {2, 0, 1}},
      {3, {3, 17, 15}, {0, 1, 2}},
  };
  static const int32_t tokens[] = {0, 1, 2, 5, 15, 16, 17, 33};
  static const int32_t heads[] = {1, 2, 3};
  static const int32_t head[] = {16, 32, 48};
  for (size_t p = 0; p < sizeof prompts / sizeof *prompts; p++)
    for (size_t t = 0; t < sizeof tokens / sizeof *tokens; t++)
      for (size_t h = 0; h < 3; h++)
        for (int fill = 0; fill < FILLS; fill++)
          walk(&prompts[p], tokens[t], heads[h], head[(h + t) % 3], (Fill)fill, (int)(p + t) & 1);
}
