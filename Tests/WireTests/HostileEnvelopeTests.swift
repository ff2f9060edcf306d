import Records
import Testing
import Wire

struct HostileEnvelopeTests {
  @Test(arguments: Sample.kinds) func `no truncation is accepted`(kind: Int) {
    let bytes = small(kind: kind)
    for count in 0..<bytes.count {
      // A prefix that ends between two fields lacks the body, which comes last.
      #expect(throws: WireError.self) { try Envelope(decoding: Array(bytes.prefix(count))) }
    }
  }

  @Test(arguments: Sample.kinds) func `any flipped bit is an error or another envelope`(kind: Int) {
    let bytes = small(kind: kind)
    for position in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[position] ^= 1 << bit
        if let decoded = try? Envelope(decoding: flipped) {
          // Whatever passes can be sent and read again.
          #expect(throws: Never.self) { try Envelope(decoding: decoded.encoded()) }
        }
      }
    }
  }

  @Test func `random bytes are refused or read`() {
    for seed in 0..<20_000 {
      var sample = Sample(seed: UInt64(seed))
      let bytes = Raw.beginning + sample.bytes(Int.random(in: 0..<60, using: &sample.random))
      _ = try? Envelope(decoding: bytes)
    }
  }

  @Test func `another magic or version is named first`() {
    var sample = Sample(seed: 5)
    let bytes = sample.envelope(kind: 4).encoded()
    var foreign = bytes
    foreign[1] ^= 1
    #expect(throws: WireError.foreign) { try Envelope(decoding: foreign) }
    #expect(throws: WireError.foreign) { try Envelope(decoding: []) }
    var newer = bytes
    newer[6] = 2
    newer += [0xff, 0xff]
    #expect(throws: WireError.protocolVersion(major: 2)) { try Envelope(decoding: newer) }
    #expect(
      WireError.protocolVersion(major: 2).description
        == "envelope: protocol version 2, 1 expected; run the same release on both sides")
  }

  @Test func `every rule has its error`() {
    expect([], .missing(field: "envelope.body"))
    expect(Raw.field(7, 1), .unknownField(place: "envelope", number: 7))
    expect(Raw.field(34, []), .unknownField(place: "envelope", number: 34))
    expect(pulse(Raw.field(9, 1)), .unknownField(place: "pulse", number: 9))
    expect(pulse([]) + pulse([]), .tooMany(field: "envelope.pulse", limit: 1))
    expect(pulse([]) + Raw.field(30, []), .tooMany(field: "envelope.body", limit: 1))
    expect(
      Raw.field(20, 1), .malformed(place: "envelope", offset: 7, fault: .wireType(0)))
    expect(
      pulse([0x08, 0x80, 0x00]), .malformed(place: "pulse", offset: 11, fault: .overlong))
    expect(
      pulse([0x08] + [UInt8](repeating: 0xff, count: 10)),
      .malformed(place: "pulse", offset: 11, fault: .overflow))
    expect(
      Raw.field(4, 1) + Raw.varint(20 << 3 | 2) + [5, 0x08],
      .malformed(place: "envelope", offset: 11, fault: .truncated))
    expect(
      Raw.field(28, Raw.field(1, [1, 2, 3])),
      .malformed(place: "chunk_request", offset: 11, fault: .digest(bytes: 3)))
    expect(Raw.field(28, []), .missing(field: "chunk_request.whole"))
    expect(
      Raw.field(33, Raw.field(3, [UInt8](repeating: 1, count: 33))),
      .count(place: "packing.chunk_digests", found: 33, of: "bytes", expected: 32))
    expect(Raw.field(30, Raw.field(1, [0xff])), .notText(field: "drain.reason"))
    expect(
      Raw.field(30, Raw.field(1, [65, 0])),
      .malformed(place: "drain", offset: 11, fault: .zeroInText))
    expect(
      Raw.field(30, Raw.field(1, [UInt8](repeating: 65, count: 1_025))),
      .tooLong(field: "drain.reason", bytes: 1_025, limit: 1_024))
    expect(
      Raw.field(18, []), .outOfRange(place: "reject.code", value: 0, allowed: "from 1 to 8"))
    expect(
      Raw.field(24, Raw.field(2, 7)),
      .outOfRange(place: "refuse.code", value: 7, allowed: "from 1 to 6"))
    expect(
      Raw.field(22, Raw.field(6, 1 << 28 + 1)),
      .outOfRange(place: "result.byte_count", value: 1 << 28 + 1, allowed: "at most 268435456"))
  }

  @Test func `long lists are refused`() {
    let unit = Raw.field(1, 1) + Raw.field(2, [UInt8](repeating: 1, count: 32))
    expect(
      Raw.field(16, (0..<65).flatMap { _ in Raw.field(9, unit) }),
      .tooMany(field: "hello.held", limit: 64))
    expect(
      Raw.field(23, (0..<257).flatMap { _ in Raw.field(1, unit) }),
      .tooMany(field: "acknowledge.units", limit: 256))
    expect(
      Raw.field(19, Raw.field(2, [UInt8](repeating: 1, count: 65))),
      .tooMany(field: "heartbeat.held", limit: 64))
    expect(
      Raw.field(27, Raw.field(5, [UInt8](repeating: 1, count: 32 * 1_985))),
      .tooLong(field: "manifest.chunk_digests", bytes: 63_520, limit: 63_488))
    let large = [UInt8](repeating: 0, count: 65_537)
    #expect(throws: WireError.tooLarge(place: "envelope", bytes: 65_537, limit: 65_536)) {
      try Envelope(decoding: large)
    }
  }

  @Test func `a manifest must hold its bytes`() {
    let digests = [UInt8](repeating: 1, count: 64)
    func manifest(_ bytes: UInt64) -> [UInt8] {
      Raw.field(27, Raw.field(3, bytes) + Raw.field(4, 100) + Raw.field(5, digests))
    }
    for bytes: UInt64 in [0, 100, 201, .max] {
      expect(
        manifest(bytes),
        .outOfRange(
          place: "manifest.byte_count", value: bytes, allowed: "what 2 chunks of 100 bytes hold"))
    }
    expect(manifest(200), .missing(field: "manifest.params_hash"))
  }

  /// A message with something in it, of which every byte can be tried.
  private func small(kind: Int) -> [UInt8] {
    for seed: UInt64 in 0..<10_000 {
      var sample = Sample(seed: seed)
      let bytes = sample.envelope(kind: kind).encoded()
      if 30...1_000 ~= bytes.count { return bytes }
    }
    fatalError("no message of kind \(kind) is small")
  }

  private func pulse(_ fields: [UInt8]) -> [UInt8] { Raw.field(20, fields) }

  private func expect(
    _ fields: [UInt8], _ error: WireError, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(throws: error, sourceLocation: sourceLocation) {
      try Envelope(decoding: Raw.beginning + fields)
    }
  }
}
