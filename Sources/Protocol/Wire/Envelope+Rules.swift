extension MessageRule {
  /// Every message of envelope.proto, with our limits.
  static let envelope = MessageRule(
    "envelope", body: 16...33,
    [
      FieldRule(1, "magic", .fixed32),
      FieldRule(2, "protocol_major", .uint32),
      FieldRule(3, "protocol_minor", .uint32),
      FieldRule(4, "epoch", .uint64),
      FieldRule(5, "session", .fixed64),
      FieldRule(6, "sequence", .uint64),
      FieldRule(16, "hello", .message(hello)),
      FieldRule(17, "welcome", .message(welcome)),
      FieldRule(18, "reject", .message(reject)),
      FieldRule(19, "heartbeat", .message(heartbeat)),
      FieldRule(20, "pulse", .message(pulse)),
      FieldRule(21, "lease", .message(lease)),
      FieldRule(22, "result", .message(result)),
      FieldRule(23, "acknowledge", .message(acknowledge)),
      FieldRule(24, "refuse", .message(refuse)),
      FieldRule(25, "release", .message(release)),
      FieldRule(26, "manifest_request", .message(manifestRequest)),
      FieldRule(27, "manifest", .message(manifest)),
      FieldRule(28, "chunk_request", .message(chunk("chunk_request"))),
      FieldRule(29, "chunk", .message(chunk("chunk"))),
      FieldRule(30, "drain", .message(reason("drain"))),
      FieldRule(31, "goodbye", .message(reason("goodbye"))),
      FieldRule(32, "packing_request", .message(packingRequest)),
      FieldRule(33, "packing", .message(packing)),
    ])

  private static let name = FieldKind.text(WireLimits.nameBytes)
  private static let sentence = FieldKind.text(WireLimits.textBytes)

  private static func acknowledgement(_ name: String) -> MessageRule {
    MessageRule(name, [FieldRule(1, "unit", .uint64), FieldRule(2, "digest", .digest)])
  }

  private static let hello = MessageRule(
    "hello",
    [
      FieldRule(1, "actor", name),
      FieldRule(2, "life", name),
      FieldRule(3, "pid", .uint32),
      FieldRule(4, "run_id", name),
      FieldRule(5, "configuration_hash", .digest),
      FieldRule(6, "model_hash", .digest),
      FieldRule(7, "numerics_class", name),
      FieldRule(8, "highest_epoch", .uint64),
      FieldRule(
        9, "held", .message(acknowledgement("hello.held")), limit: WireLimits.held),
    ])

  private static let welcome = MessageRule(
    "welcome",
    [
      FieldRule(1, "run_id", name),
      FieldRule(2, "configuration", .text(WireLimits.configurationBytes)),
      FieldRule(3, "configuration_hash", .digest),
      FieldRule(4, "model_hash", .digest),
      FieldRule(5, "committed", .uint64),
      FieldRule(6, "heartbeat_milliseconds", .uint32),
      FieldRule(7, "liveness_milliseconds", .uint32),
      FieldRule(8, "discard", .packedUInt64(WireLimits.held)),
    ])

  private static let reject = MessageRule(
    "reject", [FieldRule(1, "code", .uint32), FieldRule(2, "text", sentence)])

  private static let heartbeat = MessageRule(
    "heartbeat",
    [
      FieldRule(1, "free", .uint32),
      FieldRule(2, "held", .packedUInt64(WireLimits.held)),
      FieldRule(3, "progress", .uint64),
      FieldRule(4, "version", .uint64),
    ])

  private static let pulse = MessageRule("pulse", [FieldRule(1, "committed", .uint64)])

  private static let lease = MessageRule(
    "lease",
    [
      FieldRule(1, "unit", .uint64),
      FieldRule(2, "attempt", .uint32),
      FieldRule(3, "version", .uint64),
      FieldRule(4, "params_hash", .digest),
      FieldRule(5, "deadline_milliseconds", .uint32),
    ])

  private static let result = MessageRule(
    "result",
    [
      FieldRule(1, "unit", .uint64),
      FieldRule(2, "attempt", .uint32),
      FieldRule(3, "version", .uint64),
      FieldRule(4, "params_hash", .digest),
      FieldRule(5, "digest", .digest),
      FieldRule(6, "byte_count", .uint32),
      FieldRule(7, "sample_microseconds", .uint64),
      FieldRule(8, "judge_microseconds", .uint64),
    ])

  private static let acknowledge = MessageRule(
    "acknowledge",
    [
      FieldRule(
        1, "units", .message(acknowledgement("acknowledge.units")),
        limit: WireLimits.acknowledgements)
    ])

  private static let refuse = MessageRule(
    "refuse",
    [
      FieldRule(1, "unit", .uint64), FieldRule(2, "code", .uint32), FieldRule(3, "text", sentence),
    ])

  private static let release = MessageRule(
    "release",
    [
      FieldRule(1, "unit", .uint64), FieldRule(2, "attempt", .uint32),
      FieldRule(3, "reason", sentence), FieldRule(4, "code", .uint32),
    ])

  private static let manifestRequest = MessageRule(
    "manifest_request", [FieldRule(1, "version", .uint64)])

  private static let manifest = MessageRule(
    "manifest",
    [
      FieldRule(1, "version", .uint64),
      FieldRule(2, "params_hash", .digest),
      FieldRule(3, "byte_count", .uint64),
      FieldRule(4, "chunk_size", .uint32),
      FieldRule(5, "chunk_digests", .bytes(32 * WireLimits.chunks)),
    ])

  private static func chunk(_ name: String) -> MessageRule {
    MessageRule(name, [FieldRule(1, "whole", .digest), FieldRule(2, "index", .uint32)])
  }

  private static let packingRequest = MessageRule(
    "packing_request", [FieldRule(1, "version", .uint64), FieldRule(2, "base_hash", .digest)])

  private static let packing = MessageRule(
    "packing",
    [
      FieldRule(1, "version", .uint64),
      FieldRule(2, "base_hash", .digest),
      FieldRule(3, "chunk_digests", .bytes(32 * WireLimits.chunks)),
    ])

  private static func reason(_ name: String) -> MessageRule {
    MessageRule(name, [FieldRule(1, "reason", sentence)])
  }
}
