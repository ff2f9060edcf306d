import Records
import Testing
import Wire

struct TrajectoryTests {
  let limits = TrajectoryLimits(
    maximumPoints: 4, maximumBranches: 3, stateCount: 5, rewardCount: 2)

  @Test func `every trajectory comes back bit for bit`() throws {
    for seed in 0..<500 {
      var sample = Sample(seed: UInt64(seed))
      let trajectory = sample.trajectory(
        points: 1 + seed % 4, branches: 1 + seed % 3, stateCount: 5, rewardCount: 2)
      let bytes = trajectory.encoded()
      let decoded = try Trajectory(decoding: bytes, limits: limits)
      #expect(decoded == trajectory)
      // Also where == is blind: a negative zero keeps its sign.
      #expect(decoded.encoded() == bytes)
    }
  }

  @Test func `a trajectory has these bytes`() {
    let trajectory = Trajectory(
      unit: UnitID(77), version: PolicyVersion(5), prompt: 300, noiseChecksum: 0x0102_0304,
      points: [
        BranchingPoint(
          step: 2, state: [1, -2], velocity: [0.5, 0],
          branches: [
            Branch(logDensity: -1.5, nextStateChecksum: 7),
            Branch(logDensity: 2, nextStateChecksum: 8),
          ],
          outcomes: [
            Outcome(rewards: [1], latent: [3, 4]), Outcome(rewards: [0], latent: [-0.0, 1]),
          ])
      ])
    #expect(Raw.hexadecimal(trajectory.encoded()) == Self.golden)
  }

  /// `protoc --encode` makes the same bytes of the same text.
  private static let golden = """
    084d100518ac0225040302012a4c08021002180220012a080000803f000000c032080000003f000000003a08\
    0000c0bf00000040420807000000080000004a080000803f0000000052100000404000008040000000800000\
    803f
    """

  @Test func `no truncation is accepted`() {
    let bytes = self.bytes()
    for count in 0..<bytes.count {
      #expect(throws: WireError.self) {
        let decoded = try Trajectory(decoding: Array(bytes.prefix(count)), limits: limits)
        // Cut between two points, it is a shorter trajectory; only its digest tells.
        if decoded.points.count < 3 { throw WireError.foreign }
      }
    }
  }

  @Test func `any flipped bit is an error or another trajectory`() {
    let bytes = self.bytes()
    var accepted = 0
    for position in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[position] ^= 1 << bit
        guard let decoded = try? Trajectory(decoding: flipped, limits: limits) else { continue }
        accepted += 1
        let floats: [Float] = decoded.points.flatMap { point in
          let densities = point.branches.map(\.logDensity)
          let parts = [
            point.state, point.velocity, densities, point.outcomes.rewards, point.outcomes.latents,
          ]
          return parts.flatMap(\.self)
        }
        #expect(floats.allSatisfy { $0.isFinite })
      }
    }
    #expect(accepted > bytes.count, "most flips hit a float")
  }

  @Test func `empty messages by the thousand are refused by the scan`() {
    // 1 MiB that would unpack to about 100 MiB.
    let bytes = (0..<1 << 19).flatMap { _ in Raw.field(5, []) }
    #expect(bytes.count == 1 << 20)
    let arena = Arena(unpacking: bytes.count)
    #expect(throws: WireError.tooMany(field: "trajectory.points", limit: 4)) {
      try Trajectory(decoding: bytes, limits: limits, arena: arena)
    }
    #expect(arena.highWater == 0)
  }

  @Test func `unpacking stops at its budget`() {
    // The same past the scan: the limits of this run are absurd, the budget still holds.
    let bytes = (0..<1 << 19).flatMap { _ in Raw.field(5, []) }
    let absurd = TrajectoryLimits(
      maximumPoints: .max, maximumBranches: 1, stateCount: 1, rewardCount: 1)
    let arena = Arena(unpacking: bytes.count)
    #expect(throws: WireError.memory(place: "trajectory", budget: arena.budget)) {
      try Trajectory(decoding: bytes, limits: absurd, arena: arena)
    }
    #expect(arena.budget == 2 << 20 + 65_536)
    #expect(arena.highWater <= arena.budget)
  }

  @Test func `a trajectory of the run stays within its budget`() throws {
    var sample = Sample(seed: 1)
    let arena = Arena(unpacking: 0)
    _ = try Trajectory(
      decoding: sample.trajectory(points: 4, branches: 3, stateCount: 5, rewardCount: 2).encoded(),
      limits: limits, arena: arena)
    #expect(arena.highWater <= 16_384)
  }

  @Test func `counts are exact`() {
    expect(
      points: [(0, 5, 2), (1, 5, 2), (2, 5, 2), (3, 4, 2)],
      .count(place: "trajectory: point 3", found: 4, of: "state values", expected: 5))
    expect(
      points: [(0, 5, 3)],
      .count(place: "trajectory: point 0", found: 3, of: "rewards a branch", expected: 2))
    #expect(
      WireError.count(place: "trajectory: point 3", found: 49, of: "state values", expected: 50)
        .description == "trajectory: point 3 has 49 state values, 50 expected")
    expect(
      points: [(4, 5, 2), (3, 5, 2)],
      .outOfRange(
        place: "trajectory: point 1, step", value: 3, allowed: "not below that of the point before")
    )
    expect(
      points: (0..<5).map { ($0, 5, 2) }, .tooMany(field: "trajectory.points", limit: 4))
    var sample = Sample(seed: 1)
    let wide = sample.trajectory(points: 1, branches: 4, stateCount: 5, rewardCount: 2).encoded()
    expect(wide, .tooMany(field: "trajectory.points.next_state_checksums", limit: 3))
    expect([], .missing(field: "trajectory.points"))
    expect(
      [UInt8](repeating: 0, count: 1 << 28 + 1),
      .tooLarge(place: "trajectory", bytes: 1 << 28 + 1, limit: 1 << 28))
  }

  @Test func `claimed counts take no memory`() {
    let claims = Raw.field(2, 5) + Raw.field(4, 2)
    for (count, error) in [
      (
        UInt64(UInt32.max),
        WireError.outOfRange(
          place: "trajectory: point 0, branches", value: UInt64(UInt32.max), allowed: "from 1 to 3")
      ),
      (0, .outOfRange(place: "trajectory: point 0, branches", value: 0, allowed: "from 1 to 3")),
      (
        3,
        .count(
          place: "trajectory: point 0", found: 0, of: "bytes of state values", expected: 20)
      ),
    ] {
      expect(Raw.field(5, claims + Raw.field(3, count)), error)
    }
    expect(
      Raw.field(5, Raw.field(9, []) + Raw.field(12, 1)),
      .unknownField(place: "trajectory.points", number: 12))
  }

  @Test func `every float must be finite`() {
    for bad in [Float.nan, .infinity, -.infinity] {
      for place in 0..<5 {
        var sample = Sample(seed: 2)
        var trajectory = sample.trajectory(points: 2, branches: 2, stateCount: 5, rewardCount: 2)
        switch place {
        case 0: trajectory.points[1].state[4] = bad
        case 1: trajectory.points[1].velocity[0] = bad
        case 2: trajectory.points[1].branches[1].logDensity = bad
        case 3: trajectory.points[1].outcomes[0].rewards[1] = bad
        default: trajectory.points[1].outcomes[1].latent[4] = bad
        }
        let name = ["state", "velocity", "log density", "reward", "latent"][place]
        expect(trajectory.encoded(), .notFinite(place: "trajectory: point 1, \(name)"))
      }
    }
  }

  private func bytes() -> [UInt8] {
    var sample = Sample(seed: 9)
    return sample.trajectory(points: 3, branches: 2, stateCount: 5, rewardCount: 2).encoded()
  }

  private func expect(
    points: [(step: Int, stateCount: Int, rewardCount: Int)], _ error: WireError,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var sample = Sample(seed: 7)
    var trajectory = sample.trajectory(points: 0, branches: 0, stateCount: 0, rewardCount: 0)
    for (step, stateCount, rewardCount) in points {
      var point = sample.trajectory(
        points: 1, branches: 2, stateCount: stateCount, rewardCount: rewardCount
      ).points[0]
      point.step = step
      trajectory.points.append(point)
    }
    expect(trajectory.encoded(), error, sourceLocation: sourceLocation)
  }

  private func expect(
    _ bytes: [UInt8], _ error: WireError, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(throws: error, sourceLocation: sourceLocation) {
      try Trajectory(decoding: bytes, limits: limits)
    }
  }
}
