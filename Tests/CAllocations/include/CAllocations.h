#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

#include <stdbool.h>
#include <stdint.h>

// Counts every call of malloc and its kin in the test program, by standing in front of glibc's.

// How many this thread has made.
uint64_t CAllocations_count(void);

// From here on the bytes that this thread holds are counted, from zero.
void CAllocations_begin(void);

// The most bytes that this thread has held at once since then.
int64_t CAllocations_peak(void);

// False where a sanitizer has put allocation functions of its own in their place.
bool CAllocations_areCounted(void);

#endif
