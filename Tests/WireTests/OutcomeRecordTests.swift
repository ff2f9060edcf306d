import Bytes
import Records
import Testing
import Wire

/// Trajectories with checksums in place of final latents.
struct OutcomeRecordTests {
  static func limits(_ record: OutcomeRecord, outcomes: Int = 1) -> TrajectoryLimits {
    TrajectoryLimits(
      maximumPoints: 4, maximumBranches: 3, maximumOutcomes: outcomes, stateCount: 5,
      rewardCount: 2, outcomeRecord: record)
  }

  private func decoded(_ bytes: [UInt8], _ record: OutcomeRecord, outcomes: Int = 1)
    throws(WireError)
    -> Trajectory
  {
    try Trajectory(decoding: bytes, limits: Self.limits(record, outcomes: outcomes))
  }

  @Test func `every trajectory comes back with checksums and nothing else changed`()
    throws
  {
    for seed in 0..<500 {
      var sample = Sample(seed: UInt64(seed))
      let whole = sample.trajectory(
        outcomes: seed % 3, points: seed % 3 == 0 ? 1 + seed % 4 : seed % 5, branches: 1 + seed % 3,
        stateCount: 5, rewardCount: 2)
      let trajectory = whole.recorded(as: .digest)
      let bytes = trajectory.encoded()
      let read = try decoded(bytes, .digest, outcomes: 2)
      #expect(read == trajectory)
      #expect(read.encoded() == bytes)
      #expect(whole.recorded(as: .all) == whole)
      // Word by word what it was, without calling what made it.
      let all = [whole.outcomes] + whole.points.map(\.outcomes)
      let kept = [read.outcomes] + read.points.map(\.outcomes)
      for (all, kept) in zip(all, kept) {
        #expect(kept.rewards == all.rewards && kept.latents.isEmpty)
        #expect(kept.checksums == all.map { CRC32C.of($0.latent.flatMap(Self.bytes)) })
      }
      var rest = read
      rest.outcomes = whole.outcomes
      for index in rest.points.indices {
        rest.points[index].outcomes = whole.points[index].outcomes
      }
      #expect(rest == whole)
    }
  }

  /// The bits of a number, the lowest first.
  private static func bytes(_ value: Float) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
  }

  @Test func `a trajectory has these bytes`() {
    let trajectory = Trajectory(
      unit: UnitID(77), version: PolicyVersion(5), prompt: 300, noiseChecksum: 0x0102_0304,
      outcomes: Outcomes(count: 1, latents: [], checksums: [9], rewards: [0.5]),
      points: [
        BranchingPoint(
          step: 2, state: [1, -2], velocity: [0.5, 0],
          branches: [
            Branch(logDensity: -1.5, nextStateChecksum: 7),
            Branch(logDensity: 2, nextStateChecksum: 8),
          ],
          outcomes: Outcomes(
            count: 2, latents: [], checksums: [0x0a0b_0c0d, 3], rewards: [1, 0]))
      ])
    #expect(Raw.hexadecimal(trajectory.encoded()) == Self.golden)
  }

  /// `protoc --encode` makes the same bytes of the same text.
  private static let golden = """
    084d100518ac0225040302012a4408021002180220012a080000803f000000c032080000003f000000003a08\
    0000c0bf00000040420807000000080000004a080000803f000000005a080d0c0b0a0300000032040000003f\
    420409000000
    """

  @Test func `what the run does not send is refused in one sentence`() throws {
    var sample = Sample(seed: 3)
    let whole = sample.trajectory(points: 2, branches: 2, stateCount: 5, rewardCount: 2)
    let digested = whole.recorded(as: .digest)
    #expect(
      throws: WireError.outcomeRecord(
        place: "trajectory: point 0", found: .digest, expected: .all)
    ) { try decoded(digested.encoded(), .all) }
    let refusal = WireError.outcomeRecord(
      place: "trajectory: point 0", found: .all, expected: .digest)
    #expect(throws: refusal) { try decoded(whole.encoded(), .digest) }
    #expect(
      refusal.description
        == "trajectory: point 0 has final latents, and this run sends checksums of final latents alone"
        + " (journal.outcomes digest)")
    let trunk = sample.trajectory(
      outcomes: 1, points: 0, branches: 0, stateCount: 5, rewardCount: 2)
    #expect(
      throws: WireError.outcomeRecord(place: "trajectory", found: .all, expected: .digest)
    ) { try decoded(trunk.encoded(), .digest) }
    #expect(
      throws: WireError.outcomeRecord(place: "trajectory", found: .digest, expected: .all)
    ) { try decoded(trunk.recorded(as: .digest).encoded(), .all) }
  }

  @Test(arguments: OutcomeRecord.allCases) func `both are one too many`(record: OutcomeRecord) {
    let other: OutcomeRecord = record == .all ? .digest : .all
    let latents = Raw.floats([1, 2, 3, 4, 5])
    let checksum = Raw.floats([7])
    let rewards = Raw.floats([1, 2])
    let trunk = Raw.field(6, rewards) + Raw.field(7, latents) + Raw.field(8, checksum)
    #expect(
      throws: WireError.outcomeRecord(place: "trajectory", found: other, expected: record)
    ) { try decoded(trunk, record) }
    let point =
      Self.point(branches: 1, rewards: 2) + Raw.field(10, latents) + Raw.field(11, checksum)
    #expect(
      throws: WireError.outcomeRecord(
        place: "trajectory: point 0", found: other, expected: record)
    ) { try decoded(Raw.field(5, point), record) }
  }

  /// Everything of a point but what its branches ended in.
  private static func point(branches: Int, rewards: Int) -> [UInt8] {
    let state = Raw.floats([1, 2, 3, 4, 5])
    let floats = Raw.floats([Float](repeating: 1, count: branches))
    return Raw.field(2, 5) + Raw.field(3, UInt64(branches)) + Raw.field(4, 2) + Raw.field(5, state)
      + Raw.field(6, state) + Raw.field(7, floats) + Raw.field(8, floats)
      + Raw.field(9, Raw.floats([Float](repeating: 1, count: rewards)))
  }

  @Test func `counts of checksums are exact`() {
    func expect(
      _ checksums: Int, rewards: Int, outcomes: Int = 1, _ error: WireError,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let point =
        Self.point(branches: 2, rewards: rewards)
        + Raw.field(11, [UInt8](repeating: 1, count: 4 * checksums))
      #expect(throws: error, sourceLocation: sourceLocation) {
        try decoded(Raw.field(5, point), .digest, outcomes: outcomes)
      }
    }
    func allowed(_ found: UInt64, _ most: Int) -> WireError {
      .outOfRange(
        place: "trajectory: point 0, latent checksums", value: found,
        allowed: "a multiple of 2 up to \(most)")
    }
    expect(1, rewards: 2, allowed(1, 2))
    expect(3, rewards: 6, allowed(3, 2))
    expect(3, rewards: 6, outcomes: 2, allowed(3, 4))
    expect(6, rewards: 12, outcomes: 2, allowed(6, 4))
    expect(
      4, rewards: 8, outcomes: 1,
      .tooMany(field: "trajectory.points.latent_checksums", limit: 3))
    expect(
      2, rewards: 2,
      .count(place: "trajectory: point 0", found: 8, of: "bytes of reward values", expected: 16))
    // Rewards of outcomes that are not there.
    expect(
      0, rewards: 4,
      .count(place: "trajectory: point 0", found: 2, of: "rewards a branch", expected: 0))
    #expect(throws: WireError.tooMany(field: "trajectory.latent_checksums", limit: 1)) {
      try decoded(Raw.field(8, Raw.floats([1, 2])), .digest)
    }
  }

  @Test func `any flipped bit is an error or another trajectory`() {
    var sample = Sample(seed: 9)
    let trajectory = sample.trajectory(points: 3, branches: 2, stateCount: 5, rewardCount: 2)
      .recorded(as: .digest)
    let bytes = trajectory.encoded()
    for position in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[position] ^= 1 << bit
        guard let read = try? decoded(flipped, .digest) else { continue }
        #expect(read.points.allSatisfy { $0.outcomes.latents.isEmpty })
        #expect(read.encoded() != bytes)
      }
    }
  }
}
