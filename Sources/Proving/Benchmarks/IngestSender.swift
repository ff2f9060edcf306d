import Foundation
import Records
import Tensor
import Transport
import Wire

/// The socket of an actor that has its units ready.
struct IngestSender: ~Copyable {
  private let socket: Socket
  private let wakeup: Wakeup
  private var session: UInt64 = 0
  private var sequence: UInt64 = 0
  /// Leases whose units were not sent yet.
  private var leased: [UnitID] = []
  /// The threads that only this sender has: the one that calls it and those of its context.
  private let threads: Set<String>

  init(to endpoint: String) throws {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
    let wakeup = try Wakeup()
    let before = Self.threadsOfProcess
    let socket = try Socket(.dealer, in: Context())
    let threads = Self.threadsOfProcess.subtracting(before)
      .union(own.split(separator: "/").suffix(1).map { String($0) })
    try socket.connect(endpoint)
    self.socket = socket
    self.wakeup = wakeup
    self.threads = threads
  }

  /// Says hello, waits for the welcome and asks for as many leases as an actor may hold.
  mutating func greet() throws {
    let hello = Envelope(
      epoch: 0, session: 0, sequence: 0,
      message: .hello(
        Hello(
          actor: "bench", life: String(repeating: "0", count: 32), pid: UInt32(getpid()), runID: "",
          configurationHash: nil, modelHash: nil, numericsClass: Kernels.numericsClass,
          highestEpoch: 0, held: [])))
    var isSent = false
    while session == 0 {
      if !isSent { isSent = try socket.send([hello.encoded()]) == .sent }
      _ = try wakeup.wait(for: socket, toSend: !isSent, timeout: .seconds(1))
      while let parts = try socket.receive(maximumParts: 2) {
        let envelope = try Envelope(decoding: parts[0])
        guard case .welcome = envelope.message else { throw LinkFailure.answer("no welcome") }
        session = envelope.session
      }
    }
    try ask()
  }

  /// Says that it takes as many units as an actor may hold.
  private mutating func ask() throws {
    sequence += 1
    let state = Envelope(
      epoch: 1, session: session, sequence: sequence,
      message: .heartbeat(
        Heartbeat(
          free: UInt32(WireLimits.held - leased.count), held: leased, progress: UInt64(sequence),
          version: PolicyVersion(0))))
    while try socket.send([state.encoded()]) != .sent {
      _ = try wakeup.wait(for: socket, toSend: true, timeout: .seconds(1))
    }
  }

  /// CPU seconds of its threads so far.
  var processorSeconds: Double {
    threads.reduce(0) { sum, thread in
      // The first number is the nanoseconds on a processor.
      let text = try? String(contentsOfFile: "/proc/self/task/\(thread)/schedstat", encoding: .utf8)
      return sum + (text?.split(separator: " ").first.flatMap { Double($0) } ?? 0) * 1e-9
    }
  }

  /// Sends every unit once, never more than `window` of them unacknowledged.
  ///
  /// - Returns: seconds of it all, and of each unit from sending to acknowledgement.
  mutating func send(
    _ payloads: [[UInt8]], _ digests: [Digest], paramsHash: Digest, window: Int
  ) throws -> (Double, [UInt64: Double]) {
    let clock = ContinuousClock()
    let start = clock.now
    var (sent, answered) = (0, 0)
    var begun: [UInt64: ContinuousClock.Instant] = [:]
    var latencies: [UInt64: Double] = [:]
    var lastAnswer = start
    var nextState = start + .milliseconds(500)
    while answered < payloads.count {
      guard lastAnswer.duration(to: clock.now) < .seconds(60) else {
        throw LinkFailure.answer("no acknowledgement for 60 s")
      }
      if clock.now >= nextState {
        nextState = clock.now + .milliseconds(500)
        try ask()
      }
      var mayNotSend = false
      while let unit = leased.first, sent - answered < window, !mayNotSend {
        let index = Int(unit.rawValue)
        guard payloads.indices.contains(index) else {
          leased.removeFirst()
          continue
        }
        sequence += 1
        let result = UnitResult(
          unit: unit, attempt: 1, version: PolicyVersion(0), paramsHash: paramsHash,
          digest: digests[index], byteCount: UInt32(payloads[index].count), sampleMicroseconds: 0,
          judgeMicroseconds: 0)
        let envelope = Envelope(
          epoch: 1, session: session, sequence: sequence, message: .result(result))
        begun[unit.rawValue] = clock.now
        mayNotSend = try socket.send([envelope.encoded(), payloads[index]]) != .sent
        if mayNotSend { continue }
        leased.removeFirst()
        sent += 1
      }
      _ = try wakeup.wait(for: socket, toSend: mayNotSend, timeout: .milliseconds(100))
      while let parts = try socket.receive(maximumParts: 2) {
        switch try Envelope(decoding: parts[0]).message {
        case .acknowledge(let list):
          let now = clock.now
          lastAnswer = now
          for unit in list.map(\.unit.rawValue) {
            latencies[unit] = begun[unit].map { $0.duration(to: now).inSeconds }
          }
          answered += list.count
        case .lease(let lease): leased.append(lease.unit)
        case .pulse: break
        case .refuse(let refusal): throw LinkFailure.answer(refusal.text)
        default: throw LinkFailure.answer("no acknowledgement")
        }
      }
    }
    return (start.duration(to: clock.now).inSeconds, latencies)
  }

  private static var threadsOfProcess: Set<String> {
    Set((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? [])
  }
}
