// Walks the C code over odd sizes and unwelcome numbers, for sanitizers to watch: every array is an
// allocation of exactly the size that its kernel was promised. Beside what the sanitizers see, all
// kernel sets must leave the same bits.
#ifndef WALK_H
#define WALK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

// What an array is filled with.
typedef enum {
  MODERATE,    // in -2 … 2
  UNWELCOME,   // NaN, infinities, zeros, denormals, the ends of the range, where exp is held
  SUBNORMAL,   // denormals alone
  FILLS
} Fill;

// Where an array starts: at the allocator's alignment, or one float off it.
typedef struct {
  float *allocation;
  float *start;
  size_t count;
} Floats;

Floats floats_make(size_t count, Fill fill, uint32_t seed, int off);
void floats_free(Floats *x);

// The kernel sets of this processor.
size_t kernel_sets(const CKernels *sets[3]);

// Remembers the first set's output and holds the others against it: equal bits, or NaN on both sides.
typedef struct {
  float *bits;
  size_t count;
} Expected;

void expect_same(Expected *expected, const char *what, const CKernels *set, const float *got,
                 size_t count);
void expected_free(Expected *expected);
_Noreturn void fail(const char *what, const char *set, size_t index);

// Kernel calls so far.
extern size_t walked;

void walk_products(void);
void walk_attention(void);
void walk_elementwise(void);
void walk_rows(void);
void walk_noise(void);
void walk_checksum(void);
void walk_wire(void);

#endif
