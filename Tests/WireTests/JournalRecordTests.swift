import Records
import Testing
import Wire

struct JournalRecordTests {
  @Test(arguments: 0..<4) func `every record comes back from its bytes`(kind: Int) throws {
    for seed in 0..<200 {
      var sample = Sample(seed: UInt64(seed))
      let record = sample.record(kind: kind)
      let bytes = record.encoded()
      let decoded = try JournalRecord(decoding: bytes)
      #expect(decoded == record)
      #expect(decoded.encoded() == bytes)
    }
  }

  @Test func `the largest payload fits`() throws {
    let payload = [UInt8](repeating: 1, count: WireLimits.payloadBytes)
    let record = JournalRecord.trajectory(
      unit: UnitID(.max), epoch: .max, digest: Digest(of: payload), payload: payload)
    #expect(try JournalRecord(decoding: record.encoded()) == record)
  }

  @Test(arguments: 0..<4) func `truncations and flipped bits do not crash`(kind: Int) {
    var sample = Sample(seed: 11)
    let bytes = sample.record(kind: kind).encoded()
    for count in 0..<bytes.count {
      #expect(throws: WireError.self) { try JournalRecord(decoding: Array(bytes.prefix(count))) }
    }
    for position in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[position] ^= 1 << bit
        _ = try? JournalRecord(decoding: flipped)
      }
    }
  }

  @Test func `what is missing is named`() {
    let digest = [UInt8](repeating: 1, count: 32)
    expect([], .missing(field: "record.body"))
    expect(Raw.field(1, []), .missing(field: "run_header.configuration_hash"))
    expect(Raw.field(2, Raw.field(3, digest)), .missing(field: "trajectory_record.payload"))
    expect(
      Raw.field(2, Raw.field(4, [1])), .missing(field: "trajectory_record.digest"))
    expect(
      Raw.field(3, Raw.field(5, digest) + Raw.field(6, digest)),
      .missing(field: "commit.state_hash"))
    expect(Raw.field(1, []) + Raw.field(3, []), .tooMany(field: "record.body", limit: 1))
    expect(Raw.field(4, []), .missing(field: "voided_unit.digest"))
    expect(Raw.field(5, []), .unknownField(place: "record", number: 5))
    let infinite = [0x45] + Raw.floats([.infinity])
    expect(
      Raw.field(3, (5...7).flatMap { Raw.field($0, digest) } + infinite),
      .notFinite(place: "commit.reward"))
  }

  /// Whoever multiplies an update by its units, or counts on from its last, must not overflow.
  @Test func `numbers of a commit are bounded`() {
    let end = UInt64(WireLimits.unitsPerUpdate) * WireLimits.updates
    expect(
      Raw.field(3, Raw.field(1, WireLimits.updates)),
      .outOfRange(
        place: "commit.update", value: WireLimits.updates, allowed: "below 1099511627776"))
    expect(
      Raw.field(3, Raw.field(3, end)),
      .outOfRange(place: "commit.first_unit", value: end, allowed: "below 4611686018427387904"))
    expect(
      Raw.field(3, Raw.field(4, 1 << 22 + 1)),
      .outOfRange(place: "commit.unit_count", value: 1 << 22 + 1, allowed: "at most 4194304"))
    let most = (UInt64(WireLimits.updates) + 64).multipliedReportingOverflow(by: 1 << 22)
    #expect(!most.overflow)
  }

  private func expect(
    _ bytes: [UInt8], _ error: WireError, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(throws: error, sourceLocation: sourceLocation) { try JournalRecord(decoding: bytes) }
  }
}
