import Bytes
import CWire
package import Records

extension Trajectory {
  /// Reads and checks a payload: every count against `limits` before an array is made, steps in
  /// order, all floats finite.
  ///
  /// Whether it is the unit that was leased, and what its numbers are worth, is for the caller.
  ///
  /// - Parameter arena: where protobuf-c unpacks; the default has the right budget.
  package init(decoding bytes: [UInt8], limits: TrajectoryLimits, arena: Arena? = nil)
    throws(WireError)
  {
    requireLittleEndian()
    guard bytes.count <= WireLimits.unitBytes else {
      throw .tooLarge(place: "trajectory", bytes: bytes.count, limit: WireLimits.unitBytes)
    }
    let arena = arena ?? Arena(unpacking: bytes.count)
    defer { withExtendedLifetime(arena) {} }
    let message = try unpacked(
      bytes, as: limits.rule, in: arena, tributary__v1__trajectory__unpack)
    guard message.n_points > 0 || message.latents.len > 0 || message.n_latent_checksums > 0 else {
      throw .missing(field: "trajectory.points")
    }

    var points: [BranchingPoint] = []
    points.reserveCapacity(message.n_points)
    for index in 0..<message.n_points {
      guard let point = message.points[index] else { throw .refused(place: "trajectory") }
      let step = Int(point.pointee.step)
      guard step >= points.last?.step ?? 0 else {
        throw .outOfRange(
          place: "trajectory: point \(index), step", value: UInt64(step),
          allowed: "not below that of the point before")
      }
      points.append(try BranchingPoint(point.pointee, index: index, limits: limits))
    }
    self.init(
      unit: UnitID(message.unit), version: PolicyVersion(message.version),
      prompt: Int(message.prompt), noiseChecksum: message.noise_checksum,
      outcomes: try Outcomes(
        latents: message.latents,
        checksums: UnsafeBufferPointer(
          start: message.latent_checksums, count: message.n_latent_checksums),
        rewards: message.rewards, place: "trajectory", limits: limits),
      points: points)
  }
}

extension Outcomes {
  /// All outcomes of one place: `[N, D]` latents or `[N]` checksums, from which N follows, and `[N, R]`
  /// rewards.
  fileprivate init(
    latents: ProtobufCBinaryData, checksums: UnsafeBufferPointer<UInt32>,
    rewards: ProtobufCBinaryData, of owners: Int = 1,
    place: @autoclosure () -> String, limits: TrajectoryLimits
  ) throws(WireError) {
    // No product overflows: the factors are the run's own limits, and counts stay below the payload's.
    let most = owners * limits.maximumOutcomes
    let count: Int
    switch limits.outcomeRecord {
    case .all:
      guard checksums.isEmpty else {
        throw .outcomeRecord(place: place(), found: .digest, expected: .all)
      }
      let size = 4 * limits.stateCount
      count = size == 0 ? 0 : latents.len / size
      guard latents.len == count * size, count % owners == 0, count <= most else {
        throw .outOfRange(
          place: "\(place()), bytes of latent values", value: UInt64(latents.len),
          allowed: "a multiple of \(owners * size) up to \(most * size)")
      }
    case .digest:
      guard latents.len == 0 else {
        throw .outcomeRecord(place: place(), found: .all, expected: .digest)
      }
      count = checksums.count
      guard count % owners == 0, count <= most else {
        throw .outOfRange(
          place: "\(place()), latent checksums", value: UInt64(count),
          allowed: "a multiple of \(owners) up to \(most)")
      }
    }
    let rewardSize = 4 * limits.rewardCount
    guard rewards.len == count * rewardSize else {
      throw .count(
        place: place(), found: rewards.len, of: "bytes of reward values",
        expected: count * rewardSize)
    }
    guard latents.isFinite else { throw .notFinite(place: "\(place()), latent") }
    guard rewards.isFinite else { throw .notFinite(place: "\(place()), reward") }
    self.init(
      count: count,
      latents: limits.outcomeRecord == .all ? latents.floats(count * limits.stateCount) : [],
      checksums: Array(checksums), rewards: rewards.floats(count * limits.rewardCount))
  }
}

extension BranchingPoint {
  fileprivate init(_ point: Tributary__V1__BranchingPoint, index: Int, limits: TrajectoryLimits)
    throws(WireError)
  {
    var place: String { "trajectory: point \(index)" }
    func require(_ found: Int, _ what: @autoclosure () -> String, _ expected: Int) throws(WireError)
    {
      guard found == expected else {
        throw .count(place: place, found: found, of: what(), expected: expected)
      }
    }
    func floats(_ data: ProtobufCBinaryData, _ what: StaticString, _ count: Int) throws(WireError)
      -> [Float]
    {
      try require(data.len, "bytes of \(what) values", 4 * count)
      guard data.isFinite else { throw .notFinite(place: "\(place), \(what)") }
      return data.floats(count)
    }
    let stateCount = limits.stateCount
    let branchCount = Int(point.branch_count)
    try require(Int(point.state_count), "state values", stateCount)
    guard (1...max(1, limits.maximumBranches)).contains(branchCount) else {
      throw .outOfRange(
        place: "\(place), branches", value: UInt64(branchCount),
        allowed: "from 1 to \(limits.maximumBranches)")
    }
    let state = try floats(point.state, "state", stateCount)
    let velocity = try floats(point.velocity, "velocity", stateCount)
    let densities = try floats(point.log_densities, "log density", branchCount)
    try require(point.n_next_state_checksums, "next-state checksums", branchCount)
    let hasOutcomes = point.latents.len > 0 || point.n_latent_checksums > 0
    try require(Int(point.reward_count), "rewards a branch", hasOutcomes ? limits.rewardCount : 0)
    let outcomes = try Outcomes(
      latents: point.latents,
      checksums: UnsafeBufferPointer(
        start: point.latent_checksums, count: point.n_latent_checksums),
      rewards: point.rewards, of: branchCount, place: place, limits: limits)
    self.init(
      step: Int(point.step), state: state, velocity: velocity,
      branches: (0..<branchCount).map { branch in
        Branch(
          logDensity: densities[branch], nextStateChecksum: point.next_state_checksums[branch])
      }, outcomes: outcomes)
  }
}

extension ProtobufCBinaryData {
  /// - Precondition: so many are there.
  fileprivate func floats(_ count: Int) -> [Float] {
    guard let data else { return [] }
    // protobuf-c's pieces of the arena begin on 16 bytes.
    return data.withMemoryRebound(to: Float.self, capacity: count) {
      Array(UnsafeBufferPointer(start: $0, count: count))
    }
  }

  /// Whether no exponent has all its bits set, as infinities and NaNs have.
  fileprivate var isFinite: Bool {
    let bytes = UnsafeRawBufferPointer(start: data, count: len)
    var isFinite = true
    // Without an early exit, so that it can be done for many values at once.
    for offset in stride(from: 0, to: bytes.count & ~3, by: 4) {
      let bits = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
      isFinite = isFinite && bits & 0x7f80_0000 != 0x7f80_0000
    }
    return isFinite
  }
}
