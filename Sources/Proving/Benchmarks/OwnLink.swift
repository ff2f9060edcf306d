import Foundation
import Records
import Roles
import Transport
import Wire

/// The same way with the sockets and envelopes of a run, the learner's door included: a result for
/// each unit, and an acknowledgement for whatever has arrived together. Nothing looks into the payload.
final class OwnLink: Link {
  private final class End: Sendable {
    let socket: Socket

    init(_ socket: consuming Socket) { self.socket = socket }
  }

  private let contexts: [Context]
  private let gatekeeper: Gatekeeper?
  private let router: End
  private let dealer: End
  private let digest = Digest(of: [UInt8]())

  init(isEncrypted: Bool) throws {
    contexts = [try Context(), try Context()]
    var (learner, actor) = (SocketOptions(), SocketOptions())
    if isEncrypted {
      let (server, client) = (KeyPair(), KeyPair())
      learner.security = .server(server)
      actor.security = .client(client, server: server.publicKey)
      gatekeeper = try Gatekeeper(
        path: "", local: client.publicKey, context: contexts[0], time: { .now }, notice: { _ in })
      try gatekeeper?.run()
    } else {
      gatekeeper = nil
    }
    router = End(try Socket(.router, in: contexts[0], options: learner))
    let endpoint = try router.socket.bind("tcp://127.0.0.1:*")
    dealer = End(try Socket(.dealer, in: contexts[1], options: actor))
    try dealer.socket.connect(endpoint)
  }

  /// Ends the thread that answers who may come in.
  func close() { gatekeeper?.stop() }

  func seconds(for count: Int, of payloads: [[UInt8]], window: Int) throws -> Double {
    let receiver = try Worker { [self] in try receive(count) }
    let wakeup = try Wakeup()
    let clock = ContinuousClock()
    let start = clock.now
    var (sent, answered) = (0, 0)
    var lastAnswer = start
    while answered < count {
      guard lastAnswer.duration(to: clock.now) < .seconds(60) else {
        throw LinkFailure.answer("nothing for 60 s")
      }
      var mayNotSend = false
      while sent < count, sent - answered < window, !mayNotSend {
        let payload = payloads[sent % payloads.count]
        let result = UnitResult(
          unit: UnitID(UInt64(sent)), attempt: 1, version: PolicyVersion(1), paramsHash: digest,
          digest: digest, byteCount: UInt32(payload.count), sampleMicroseconds: 0,
          judgeMicroseconds: 0)
        let envelope = Envelope(
          epoch: 1, session: 1, sequence: UInt64(sent), message: .result(result))
        // Until the connection stands, and where libzmq's queue is full.
        mayNotSend = try dealer.socket.send([envelope.encoded(), payload]) != .sent
        if !mayNotSend { sent += 1 }
      }
      _ = try wakeup.wait(for: dealer.socket, toSend: mayNotSend, timeout: .milliseconds(100))
      while let parts = try dealer.socket.receive(maximumParts: 2) {
        guard case .acknowledge(let list) = try Envelope(decoding: parts[0]).message else {
          throw LinkFailure.answer("no acknowledgement")
        }
        answered += list.count
        lastAnswer = clock.now
      }
    }
    try receiver.join()
    return start.duration(to: clock.now).inSeconds
  }

  private func receive(_ count: Int) throws {
    let wakeup = try Wakeup()
    var received = 0
    let clock = ContinuousClock()
    var lastResult = clock.now
    while received < count {
      guard lastResult.duration(to: clock.now) < .seconds(60) else {
        throw LinkFailure.answer("nothing for 60 s")
      }
      _ = try wakeup.wait(for: router.socket, timeout: .milliseconds(100))
      var route: [UInt8] = []
      var list: [Acknowledgement] = []
      while list.count < 64, let parts = try router.socket.receive(maximumParts: 3) {
        guard parts.count == 3, case .result(let result) = try Envelope(decoding: parts[1]).message,
          parts[2].count == Int(result.byteCount)
        else { throw LinkFailure.answer("no result") }
        route = parts[0]
        list.append(Acknowledgement(unit: result.unit, digest: result.digest))
      }
      if list.isEmpty { continue }
      lastResult = clock.now
      received += list.count
      let answer = Envelope(
        epoch: 1, session: 1, sequence: UInt64(received), message: .acknowledge(list))
      guard try router.socket.send([route, answer.encoded()]) == .sent else {
        throw LinkFailure.answer("the sender is gone")
      }
    }
  }
}
