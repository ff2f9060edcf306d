#include "CAllocations.h"

#include <errno.h>
#include <malloc.h>
#include <stddef.h>

static _Thread_local uint64_t count;
static _Thread_local int64_t held, peak;

uint64_t CAllocations_count(void) { return count; }

void CAllocations_begin(void) { held = peak = 0; }

int64_t CAllocations_peak(void) { return peak; }

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)

bool CAllocations_areCounted(void) { return false; }

#else

bool CAllocations_areCounted(void) { return true; }

// glibc's own functions, under the names that it keeps for those who replace the public ones.
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static void *taken(void *memory) {
  count++;
  held += (int64_t)malloc_usable_size(memory);
  if (held > peak) peak = held;
  return memory;
}

void *malloc(size_t size) { return taken(__libc_malloc(size)); }

void *calloc(size_t elements, size_t size) { return taken(__libc_calloc(elements, size)); }

void *realloc(void *memory, size_t size) {
  int64_t before = (int64_t)malloc_usable_size(memory);
  void *block = __libc_realloc(memory, size);
  if (block != NULL || size == 0) held -= before;
  return taken(block);
}

void *memalign(size_t alignment, size_t size) { return taken(__libc_memalign(alignment, size)); }

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
  void *block = memalign(alignment, size);
  if (block == NULL) return ENOMEM;
  *memory = block;
  return 0;
}

void free(void *memory) {
  held -= (int64_t)malloc_usable_size(memory);
  __libc_free(memory);
}

#endif
