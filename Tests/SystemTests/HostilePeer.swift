import Foundation
import Ledger
import Records
import Transport
import Wire

/// A peer that speaks to a learner without being invited: raw bytes, wrong hellos, results of no
/// lease.
struct HostilePeer {
  private let context: Context
  private let endpoint: String

  init(run: String) throws {
    context = try Context()
    endpoint = try RunFolder.read(Endpoint.self, from: RunFolder(run).endpoint).endpoint
  }

  func speak(round: Int) throws {
    let socket = try Socket(.dealer, in: context)
    try socket.connect(endpoint)
    let zero = Digest(bytes: Array(repeating: UInt8(round & 255), count: 32))
    let result = UnitResult(
      unit: UnitID(UInt64(round)), attempt: 1, version: PolicyVersion(0), paramsHash: zero,
      digest: zero, byteCount: 3, sampleMicroseconds: 0, judgeMicroseconds: 0)
    let hello = Hello(
      actor: "hostile \u{1b}[31m", life: String(repeating: round % 7 == 0 ? "x" : "0", count: 32),
      pid: 1, runID: round % 2 == 0 ? "" : "another run",
      configurationHash: round % 3 == 0 ? zero : nil, modelHash: nil,
      numericsClass: round % 5 == 0 ? "other" : "fma-float32/1", highestEpoch: 0, held: [])
    let messages: [[[UInt8]]] = [
      [Array(repeating: UInt8(round & 255), count: round * 37 % 5000)],
      [
        Envelope(epoch: 9, session: 7, sequence: 1, message: .result(result)).encoded(), [1, 2, 3],
      ],
      [Envelope(epoch: 0, session: 0, sequence: 1, message: .hello(hello)).encoded()],
      [Envelope(epoch: 1, session: 7, sequence: 1, message: .goodbye(reason: "no")).encoded()],
      [[], [], [], [], []],
    ]
    for message in messages {
      for _ in 0..<100 where try socket.send(message) != .sent {
        Thread.sleep(forTimeInterval: 0.001)
      }
    }
    Thread.sleep(forTimeInterval: 0.002)
  }
}
