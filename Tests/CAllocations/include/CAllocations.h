#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

#include <stdbool.h>
#include <stdint.h>

// Counts every call of malloc and its kin in the test program, by standing in front of glibc's.

// How many this thread has made.
uint64_t CAllocations_count(void);

// False where a sanitizer has put allocation functions of its own in their place.
bool CAllocations_areCounted(void);

#endif
