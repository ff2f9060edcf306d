#include "crc32c.h"

#include <string.h>

// CRC32C divides by the polynomial 0x1EDC6F41, bits reflected (0x82F63B78), with the register
// inverted before and after.

// Entry i is the register after the four bits of i have been shifted out.
static const uint32_t nibbles[16] = {
    0x00000000u, 0x105ec76fu, 0x20bd8edeu, 0x30e349b1u,
    0x417b1dbcu, 0x5125dad3u, 0x61c69362u, 0x7198540du,
    0x82f63b78u, 0x92a8fc17u, 0xa24bb5a6u, 0xb21572c9u,
    0xc38d26c4u, 0xd3d3e1abu, 0xe330a81au, 0xf36e6f75u,
};

uint32_t crc32c_extend_portable(uint32_t crc, const void *bytes, size_t count) {
  const unsigned char *byte = bytes;
  crc = ~crc;
  for (size_t i = 0; i < count; i++) {
    crc ^= byte[i];
    crc = nibbles[crc & 15] ^ (crc >> 4);
    crc = nibbles[crc & 15] ^ (crc >> 4);
  }
  return ~crc;
}

#if defined(__x86_64__)

#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t extend_hardware(
    uint32_t crc, const void *bytes, size_t count) {
  const unsigned char *byte = bytes;
  uint64_t wide = (uint32_t)~crc;
  for (; count >= 8; count -= 8, byte += 8) {
    uint64_t word;
    memcpy(&word, byte, 8);
    wide = _mm_crc32_u64(wide, word);
  }
  uint32_t narrow = (uint32_t)wide;
  for (; count > 0; count--, byte++) narrow = _mm_crc32_u8(narrow, *byte);
  return ~narrow;
}

static int has_hardware(void) { return __builtin_cpu_supports("sse4.2"); }

#elif defined(__aarch64__) && defined(__linux__)

#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>

__attribute__((target("crc"))) static uint32_t extend_hardware(
    uint32_t crc, const void *bytes, size_t count) {
  const unsigned char *byte = bytes;
  crc = ~crc;
  for (; count >= 8; count -= 8, byte += 8) {
    uint64_t word;
    memcpy(&word, byte, 8);
    crc = __crc32cd(crc, word);
  }
  for (; count > 0; count--, byte++) crc = __crc32cb(crc, *byte);
  return ~crc;
}

static int has_hardware(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }

#else

static uint32_t extend_hardware(uint32_t crc, const void *bytes, size_t count) {
  return crc32c_extend_portable(crc, bytes, count);
}

static int has_hardware(void) { return 0; }

#endif

uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t count) {
  return has_hardware() ? extend_hardware(crc, bytes, count)
                        : crc32c_extend_portable(crc, bytes, count);
}
