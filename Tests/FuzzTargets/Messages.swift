import Records
import Transport
import Wire

extension FuzzTarget {
  /// The first part of every message of a peer.
  static let envelope = FuzzTarget("envelope", byteLimit: 8_192) { bytes in
    guard let read = try decode(bytes, within: .wire, { try Envelope(decoding: $0) }) else {
      return
    }
    let again = try decodeOwn(read.encoded(), within: .wire) { try Envelope(decoding: $0) }
    try require(again == read, "an envelope is another after encoding: \(read)")
  }

  /// A payload, under limits that the first byte chooses.
  static let trajectory = FuzzTarget("trajectory", byteLimit: 8_192) { bytes in
    let choices = [(1, 1, 1, 0), (3, 4, 2, 2), (8, 8, 50, 1), (64, 4_095, 1, 16)]
    let choice = Int(bytes.first ?? 0)
    let (points, branches, states, rewards) = choices[choice % choices.count]
    let limits = TrajectoryLimits(
      maximumPoints: points, maximumBranches: branches, maximumOutcomes: 3, stateCount: states,
      rewardCount: rewards,
      outcomeRecord: choice / choices.count % 2 == 0 ? .all : .digest)
    let payload = Array(bytes.dropFirst())
    let arena = Arena(unpacking: payload.count)
    // A branch of one state and many rewards is arrays of a few numbers.
    let budget = Budget(factor: 8, base: 65_536)
    let read = try decode(payload, within: budget) {
      try Trajectory(decoding: $0, limits: limits, arena: arena)
    }
    try require(arena.highWater <= arena.budget, "the arena took \(arena.highWater) bytes")
    guard let read else { return }
    let encoded = read.encoded()
    let again = try decodeOwn(encoded, within: budget) {
      try Trajectory(decoding: $0, limits: limits)
    }
    try require(again.encoded() == encoded, "a trajectory is another after encoding")
  }

  /// A packed chunk of parameters of 4 to 1,024 bytes, as its first byte says, against nothing or against a base.
  static let packedChunk = FuzzTarget("packed-chunk", byteLimit: 2_048) { bytes in
    let byteCount = 4 * (1 + Int(bytes.first ?? 0))
    let base = [UInt8](repeating: 0x5a, count: byteCount)
    let read = try base.withUnsafeBytes { base in
      try decode(Array(bytes.dropFirst()), within: Budget(factor: 2, base: 1 << 20)) {
        ChunkPacking.unpacked(
          $0, base: bytes.count.isMultiple(of: 2) ? base : nil, byteCount: byteCount)
      }
    }
    try require(read.map { $0?.count ?? byteCount } == byteCount, "a chunk has another size")
  }

  /// One record of a journal.
  static let record = FuzzTarget("record", byteLimit: 8_192) { bytes in
    guard let read = try decode(bytes, within: .wire, { try JournalRecord(decoding: $0) }) else {
      return
    }
    let again = try decodeOwn(read.encoded(), within: .wire) { try JournalRecord(decoding: $0) }
    try require(again == read, "a record is another after encoding: \(read)")
  }

  /// libzmq's question about a peer: parts of up to 255 bytes, each after its length.
  static let authentication = FuzzTarget("authentication", byteLimit: 512) { bytes in
    var parts: [[UInt8]] = []
    var rest = bytes[...]
    while let count = rest.popFirst() {
      parts.append(Array(rest.prefix(Int(count))))
      rest = rest.dropFirst(Int(count))
    }
    _ = try decode(bytes, within: .wire) { _ in
      guard let request = AuthenticationRequest(parts: parts) else { return }
      let decision = AuthenticationDecision(
        request, allowed: allowed, now: WallTime(seconds: 1_800_000_000))
      if case .allowed(let entry) = decision {
        try require(entry.key == friend && request.mechanism == "CURVE", "a stranger came in")
      }
      try require(decision.parts(to: request)[1] == parts[1], "the answer is to another question")
    }
    _ = EndpointAddress(String(decoding: bytes, as: UTF8.self))?.isSpecific
  }

  private static let friend = PublicKey(String(repeating: "01", count: 32))
  private static let allowed = AllowedKeys(
    friend.map { [AllowedKeys.Entry(role: .actor, name: "friend", key: $0)] } ?? [])
}
