import CWire
package import Records
import Transport

extension Trajectory {
  /// Reads and checks a payload: every count against `limits` before an array is made, steps
  /// ascending, all floats finite.
  ///
  /// Whether it is the unit that was leased, and what its numbers are worth, is for the caller.
  ///
  /// - Parameter arena: where protobuf-c unpacks; the default has the right budget.
  package init(decoding bytes: [UInt8], limits: TrajectoryLimits, arena: Arena? = nil)
    throws(WireError)
  {
    requireLittleEndian()
    guard bytes.count <= WireLimits.payloadBytes else {
      throw .tooLarge(place: "trajectory", bytes: bytes.count, limit: WireLimits.payloadBytes)
    }
    let arena = arena ?? Arena(unpacking: bytes.count)
    defer { withExtendedLifetime(arena) {} }
    let message = try unpacked(
      bytes, as: limits.rule, in: arena, tributary__v1__trajectory__unpack)
    guard message.n_points > 0 else { throw .missing(field: "trajectory.points") }

    var points: [BranchingPoint] = []
    points.reserveCapacity(message.n_points)
    for index in 0..<message.n_points {
      guard let point = message.points[index] else { throw .refused(place: "trajectory") }
      points.append(try BranchingPoint(point.pointee, index: index, limits: limits))
      let steps = points.suffix(2).map(\.step)
      guard steps == steps.sorted(), steps.first != steps.last || steps.count == 1 else {
        throw .outOfRange(
          place: "trajectory: point \(index), step", value: UInt64(point.pointee.step),
          allowed: "above that of the point before")
      }
    }
    self.init(
      unit: UnitID(message.unit), version: PolicyVersion(message.version),
      prompt: Int(message.prompt), noiseChecksum: message.noise_checksum, points: points)
  }
}

extension BranchingPoint {
  fileprivate init(_ point: Tributary__V1__BranchingPoint, index: Int, limits: TrajectoryLimits)
    throws(WireError)
  {
    let place = "trajectory: point \(index)"
    func require(_ found: Int, _ what: String, _ expected: Int) throws(WireError) {
      guard found == expected else {
        throw .count(place: place, found: found, of: what, expected: expected)
      }
    }
    let stateCount = limits.stateCount
    let rewardCount = limits.rewardCount
    let branchCount = Int(point.branch_count)
    try require(Int(point.state_count), "state values", stateCount)
    try require(Int(point.reward_count), "rewards a branch", rewardCount)
    guard (1...max(1, limits.maximumBranches)).contains(branchCount) else {
      throw .outOfRange(
        place: "\(place), branches", value: UInt64(branchCount),
        allowed: "from 1 to \(limits.maximumBranches)")
    }
    // No product overflows: the factors are the run's own limits.
    let tensors: [(what: String, data: ProtobufCBinaryData, count: Int)] = [
      ("state", point.state, stateCount),
      ("velocity", point.velocity, stateCount),
      ("log density", point.log_densities, branchCount),
      ("reward", point.rewards, branchCount * rewardCount),
      ("latent", point.latents, branchCount * stateCount),
    ]
    for (what, data, count) in tensors {
      try require(data.len, "bytes of \(what) values", 4 * count)
      guard Self.isFinite(data) else { throw .notFinite(place: "\(place), \(what)") }
    }
    try require(point.n_next_state_checksums, "next-state checksums", branchCount)
    self.init(
      step: Int(point.step), state: Self.floats(point.state, 0..<stateCount),
      velocity: Self.floats(point.velocity, 0..<stateCount),
      branches: (0..<branchCount).map { branch in
        Branch(
          logDensity: Self.floats(point.log_densities, branch..<branch + 1)[0],
          nextStateChecksum: point.next_state_checksums[branch],
          rewards: Self.floats(
            point.rewards, branch * rewardCount..<(branch + 1) * rewardCount),
          latent: Self.floats(point.latents, branch * stateCount..<(branch + 1) * stateCount))
      })
  }

  private static func floats(_ data: ProtobufCBinaryData, _ range: Range<Int>) -> [Float] {
    if range.isEmpty { return [] }
    return [Float](unsafeUninitializedCapacity: range.count) { buffer, count in
      UnsafeMutableRawBufferPointer(buffer).copyMemory(
        from: UnsafeRawBufferPointer(
          start: UnsafeRawPointer(data.data) + 4 * range.lowerBound, count: 4 * range.count))
      count = range.count
    }
  }

  private static func isFinite(_ data: ProtobufCBinaryData) -> Bool {
    let bytes = UnsafeRawBufferPointer(start: data.data, count: data.len)
    for offset in stride(from: 0, to: bytes.count, by: 4) {
      let bits = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
      // All exponent bits set: an infinity or not a number.
      if bits & 0x7f80_0000 == 0x7f80_0000 { return false }
    }
    return true
  }
}
