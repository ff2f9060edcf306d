#include "walk.h"

#include "v1/envelope.pb-c.h"
#include "v1/journal.pb-c.h"
#include "v1/trajectory.pb-c.h"

// Serialised messages made from the generated descriptors, whole and damaged, through the generated
// decoders; what decodes must encode, and encode the same a second time.

static uint64_t state;

static uint32_t draw(uint32_t below) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return below == 0 ? 0 : (uint32_t)(state >> 33) % below;
}

typedef struct {
  uint8_t bytes[1 << 16];
  size_t count;
} Bytes;

static void put(Bytes *out, uint8_t byte) {
  if (out->count < sizeof out->bytes) out->bytes[out->count++] = byte;
}

static void put_varint(Bytes *out, uint64_t value) {
  for (; value >= 128; value >>= 7) put(out, (uint8_t)(value | 128));
  put(out, (uint8_t)value);
}

static void put_message(Bytes *out, const ProtobufCMessageDescriptor *message, int depth);

static void put_value(Bytes *out, const ProtobufCFieldDescriptor *field, int depth) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
      for (int i = 0; i < 4; i++) put(out, (uint8_t)draw(256));
      break;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
      for (int i = 0; i < 8; i++) put(out, (uint8_t)draw(256));
      break;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES: {
      uint32_t length = draw(40);
      put_varint(out, length);
      for (uint32_t i = 0; i < length; i++) put(out, (uint8_t)draw(256));
      break;
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
      Bytes *inner = calloc(1, sizeof *inner);
      if (inner == NULL) abort();
      put_message(inner, field->descriptor, depth + 1);
      put_varint(out, inner->count);
      for (size_t i = 0; i < inner->count; i++) put(out, inner->bytes[i]);
      free(inner);
      break;
    }
    default: put_varint(out, draw(2) ? draw(300) : ((uint64_t)draw(UINT32_MAX) << 33)); break;
  }
}

static uint32_t wire_type(const ProtobufCFieldDescriptor *field) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32: return 5;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64: return 1;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return 2;
    default: return 0;
  }
}

static void put_message(Bytes *out, const ProtobufCMessageDescriptor *message, int depth) {
  for (unsigned i = 0; i < message->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &message->fields[i];
    uint32_t times = field->label == PROTOBUF_C_LABEL_REPEATED ? draw(4) : draw(3) != 0;
    if (depth > 3 && field->type == PROTOBUF_C_TYPE_MESSAGE) times = 0;
    for (; times > 0; times--) {
      put_varint(out, (uint64_t)field->id << 3 | wire_type(field));
      put_value(out, field, depth);
    }
  }
}

// Decodes what may be nonsense; what decodes, encodes, and a second round trip changes nothing.
#define ROUND_TRIP(Type, prefix)                                                       \
  static int prefix##_round_trip(const uint8_t *bytes, size_t count) {                 \
    walked++;                                                                          \
    Type *first = prefix##__unpack(NULL, count, bytes);                                \
    if (first == NULL) return 0;                                                       \
    size_t size = prefix##__get_packed_size(first);                                    \
    uint8_t *one = malloc(size + 1), *two = malloc(size + 1);                          \
    if (one == NULL || two == NULL) abort();                                           \
    if (prefix##__pack(first, one) != size) fail(#prefix " has another size", "", size); \
    Type *second = prefix##__unpack(NULL, size, one);                                  \
    if (second == NULL) fail(#prefix " does not decode again", "", size);              \
    if (prefix##__get_packed_size(second) != size) fail(#prefix " grew", "", size);    \
    prefix##__pack(second, two);                                                       \
    if (memcmp(one, two, size) != 0) fail(#prefix " changed", "", size);               \
    prefix##__free_unpacked(first, NULL);                                              \
    prefix##__free_unpacked(second, NULL);                                             \
    free(one);                                                                         \
    free(two);                                                                         \
    return 1;                                                                          \
  }

ROUND_TRIP(Tributary__V1__Envelope, tributary__v1__envelope)
ROUND_TRIP(Tributary__V1__JournalRecord, tributary__v1__journal_record)
ROUND_TRIP(Tributary__V1__Trajectory, tributary__v1__trajectory)

void walk_wire(void) {
  static const struct {
    const ProtobufCMessageDescriptor *descriptor;
    int (*round_trip)(const uint8_t *, size_t);
  } roots[] = {
      {&tributary__v1__envelope__descriptor, tributary__v1__envelope_round_trip},
      {&tributary__v1__journal_record__descriptor, tributary__v1__journal_record_round_trip},
      {&tributary__v1__trajectory__descriptor, tributary__v1__trajectory_round_trip},
  };
  Bytes *whole = calloc(1, sizeof *whole);
  if (whole == NULL) abort();
  for (size_t root = 0; root < sizeof roots / sizeof *roots; root++) {
    size_t decoded = 0;
    for (uint64_t seed = 0; seed < 2000; seed++) {
      state = seed * 0x9e3779b97f4a7c15u + root;
      whole->count = 0;
      put_message(whole, roots[root].descriptor, 0);
      for (int damage = 0; damage < 8; damage++) {
        size_t count = damage == 0 ? whole->count : draw((uint32_t)whole->count + 1);
        if (damage & 1) count = whole->count;
        uint8_t *bytes = malloc(count + 1);
        if (bytes == NULL) abort();
        memcpy(bytes, whole->bytes, count);
        for (int i = 0; i < damage && count > 0; i++)
          bytes[draw((uint32_t)count)] = (uint8_t)draw(256);
        // An allocation of its exact size, so that reading on is seen.
        uint8_t *exact = realloc(bytes, count == 0 ? 1 : count);
        decoded += (size_t)roots[root].round_trip(exact, count);
        free(exact);
      }
    }
    if (decoded < 1000) fail("too few messages decode", "", decoded);
  }
  free(whole);
}
