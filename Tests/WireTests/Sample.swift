import Records
import TestSupport
import Wire

/// Random values of everything that travels, within the limits.
struct Sample {
  var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  /// Now and then the ends of the range.
  mutating func number<Number: FixedWidthInteger & UnsignedInteger>(_: Number.Type = Number.self)
    -> Number
  {
    switch Int.random(in: 0..<8, using: &random) {
    case 0: 0
    case 1: .max
    case 2: Number.random(in: 0..<128, using: &random)
    default: Number.random(in: .min ... .max, using: &random)
    }
  }

  mutating func float() -> Float {
    Int.random(in: 0..<16, using: &random) == 0
      ? [0, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude].randomElement(using: &random)
        ?? 0 : Float.random(in: -10...10, using: &random)
  }

  mutating func floats(_ count: Int) -> [Float] { (0..<count).map { _ in float() } }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  mutating func digest() -> Digest { Digest(bytes: bytes(32)) }

  mutating func text(_ limit: Int) -> String {
    let characters = Array("abc xyz/äß√🌊\n")
    var text = ""
    for _ in 0..<Int.random(in: 0...limit / 4, using: &random) {
      text.append(characters.randomElement(using: &random) ?? " ")
    }
    return text
  }

  mutating func units(_ limit: Int) -> [UnitID] {
    (0..<Int.random(in: 0...limit, using: &random)).map { _ in UnitID(number()) }
  }

  mutating func acknowledgements(_ limit: Int) -> [Acknowledgement] {
    units(limit).map { Acknowledgement(unit: $0, digest: digest()) }
  }

  /// - Parameter outcomes: of the trunk itself.
  mutating func trajectory(
    outcomes: Int = 0, points: Int, branches: Int, stateCount: Int, rewardCount: Int
  ) -> Trajectory {
    Trajectory(
      unit: UnitID(number()), version: PolicyVersion(number()), prompt: Int(number(UInt32.self)),
      noiseChecksum: number(),
      outcomes: Outcomes(
        count: outcomes, latents: floats(outcomes * stateCount),
        rewards: floats(outcomes * rewardCount)),
      points: (0..<points).map { point in
        BranchingPoint(
          step: point * 2, state: floats(stateCount), velocity: floats(stateCount),
          branches: (0..<branches).map { _ in
            Branch(logDensity: float(), nextStateChecksum: number())
          },
          outcomes: Outcomes(
            count: branches, latents: floats(branches * stateCount),
            rewards: floats(branches * rewardCount)))
      })
  }

  mutating func envelope(kind: Int) -> Envelope {
    Envelope(epoch: number(), session: number(), sequence: number(), message: message(kind: kind))
  }

  static let kinds = 0..<18

  mutating func message(kind: Int) -> Message {
    switch kind {
    case 0:
      .hello(
        Hello(
          actor: text(128), life: text(128), pid: number(), runID: text(128),
          configurationHash: Bool.random(using: &random) ? digest() : nil,
          modelHash: Bool.random(using: &random) ? digest() : nil, numericsClass: text(128),
          highestEpoch: number(), held: acknowledgements(WireLimits.held)))
    case 1:
      .welcome(
        Welcome(
          runID: text(128), configuration: text(2_000), configurationHash: digest(),
          modelHash: digest(), committed: PolicyVersion(number()), heartbeatMilliseconds: number(),
          livenessMilliseconds: number(), discard: units(WireLimits.held)))
    case 2:
      .reject(
        Reject(
          code: [.run, .notAuthorised].randomElement(using: &random) ?? .run, text: text(1_024)))
    case 3:
      .heartbeat(
        Heartbeat(
          free: number(), held: units(WireLimits.held), progress: number(),
          version: PolicyVersion(number())))
    case 4: .pulse(Pulse(committed: PolicyVersion(number())))
    case 5:
      .lease(
        Lease(
          unit: UnitID(number()), attempt: number(), version: PolicyVersion(number()),
          paramsHash: digest(), deadlineMilliseconds: number()))
    case 6:
      .result(
        UnitResult(
          unit: UnitID(number()), attempt: number(), version: PolicyVersion(number()),
          paramsHash: digest(), digest: digest(),
          byteCount: UInt32.random(in: 0...1 << 20, using: &random), sampleMicroseconds: number(),
          judgeMicroseconds: number()))
    case 7: .acknowledge(acknowledgements(WireLimits.acknowledgements))
    case 8:
      .refuse(
        Refusal(
          unit: UnitID(number()),
          code: [.staleEpoch, .busy].randomElement(using: &random) ?? .busy, text: text(1_024)))
    case 9:
      .release(
        Release(
          unit: UnitID(number()), attempt: number(),
          code: Bool.random(using: &random) ? .leaving : .rewardFailed, reason: text(1_024)))
    case 10: .manifestRequest(PolicyVersion(number()))
    case 11: .manifest(manifest(chunks: Int.random(in: 0...40, using: &random)))
    case 12: .chunkRequest(ChunkRequest(whole: digest(), index: number()))
    case 13: .chunk(Chunk(whole: digest(), index: number()))
    case 14: .drain(reason: text(1_024))
    case 15:
      .packingRequest(
        PackingRequest(
          version: PolicyVersion(number()), base: Bool.random(using: &random) ? digest() : nil))
    case 16:
      .packing(
        Packing(
          version: PolicyVersion(number()), base: Bool.random(using: &random) ? digest() : nil,
          chunks: (0..<Int.random(in: 0...40, using: &random)).map { _ in digest() }))
    default: .goodbye(reason: text(1_024))
    }
  }

  mutating func manifest(chunks: Int) -> Manifest {
    let size = UInt32.random(in: 1...1 << 20, using: &random)
    let last = UInt64(UInt32.random(in: 1...size, using: &random))
    return Manifest(
      version: PolicyVersion(number()), paramsHash: digest(),
      byteCount: chunks == 0 ? 0 : UInt64(chunks - 1) * UInt64(size) + last, chunkSize: size,
      chunks: (0..<chunks).map { _ in digest() })
  }

  mutating func record(kind: Int) -> JournalRecord {
    switch kind {
    case 0:
      .header(
        RunHeader(
          runID: text(128), epoch: number(), segment: number(), configurationHash: digest(),
          modelHash: digest(), numericsClass: text(128), configuration: text(2_000)))
    case 1:
      .trajectory(
        unit: UnitID(number()), epoch: number(), digest: digest(),
        payload: bytes(Int.random(in: 1...5_000, using: &random)))
    case 2:
      .voided(
        VoidedUnit(unit: UnitID(number()), epoch: number(), digest: digest(), reason: text(1_024)))
    default:
      .commit(
        Commit(
          update: UInt64.random(in: 0..<WireLimits.updates, using: &random), epoch: number(),
          firstUnit: UnitID(UInt64.random(in: 0..<1 << 62, using: &random)),
          unitCount: Int.random(in: 0...WireLimits.unitsPerUpdate, using: &random),
          unitsDigest: digest(), paramsHash: digest(), stateHash: digest(),
          reward: Float.random(in: -3...3, using: &random)))
    }
  }
}

/// Encoded messages by hand: what no encoder of ours would write.
enum Raw {
  static func varint(_ value: UInt64) -> [UInt8] {
    value < 128 ? [UInt8(value)] : [UInt8(value & 127) | 128] + varint(value >> 7)
  }

  static func field(_ number: UInt64, _ value: UInt64) -> [UInt8] {
    varint(number << 3) + varint(value)
  }

  static func field(_ number: UInt64, _ bytes: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(UInt64(bytes.count)) + bytes
  }

  static func floats(_ values: [Float]) -> [UInt8] {
    values.withUnsafeBytes { Array($0) }
  }

  static func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Magic and version 1.0.
  static let beginning: [UInt8] = [0x0d, 0x42, 0x49, 0x52, 0x54, 0x10, 0x01]
}
