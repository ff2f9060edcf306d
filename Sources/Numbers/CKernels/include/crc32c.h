#ifndef CKERNELS_CRC32C_H
#define CKERNELS_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/// The CRC32C (Castagnoli) of `count` bytes that follow bytes whose checksum is `crc`; 0 for none.
/// Uses the processor's instruction where there is one.
uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t count);

/// The same by table, on any processor; the fallback, and the reference for tests.
uint32_t crc32c_extend_portable(uint32_t crc, const void *bytes, size_t count);

#endif
