import Foundation

/// `bench wire`: units from an actor to a learner that throws them away, beside bare libzmq.
package struct WireBenchmark {
  /// What is sent.
  package struct Load: Sendable {
    package var name: String
    package var bytes: Int
    /// Units on their way at once.
    package var window: Int
    package var isEncrypted: Bool

    package init(name: String, bytes: Int, window: Int, isEncrypted: Bool) {
      self.name = name
      self.bytes = bytes
      self.window = window
      self.isEncrypted = isEncrypted
    }
  }

  package struct Row: Sendable {
    package var load: Load
    /// Units of one round.
    package var units: Int
    /// Bytes of payload a second.
    package var bare: Spread
    package var own: Spread
    /// Of neighbours: own rate over the bare rate measured just before it.
    package var ratio: Spread
  }

  /// - Parameter bytes: about what one round sends.
  package static func run(_ load: Load, rounds: Int, bytes: Int = 128 << 20) throws -> Row {
    let bare = try BareLink(isEncrypted: load.isEncrypted)
    let own = try OwnLink(isEncrypted: load.isEncrypted)
    defer { own.close() }
    // Small units are bound by their number.
    let units = max(2 * load.window, min(bytes / load.bytes, 20_000))
    // So many that none is still in a cache when its turn comes again: units are sent once.
    let distinct = max(load.window, min(units, (64 << 20) / load.bytes))
    let payloads = (0..<distinct).map { [UInt8](repeating: UInt8($0 & 255), count: load.bytes) }
    var rates: [(bare: Double, own: Double)] = []
    for round in 0...rounds {
      let volume = Double(units * load.bytes)
      let pair = (
        bare: volume / (try bare.seconds(for: units, of: payloads, window: load.window)),
        own: volume / (try own.seconds(for: units, of: payloads, window: load.window))
      )
      // The first one warms up.
      if round > 0 { rates.append(pair) }
    }
    return Row(
      load: load, units: units, bare: Spread(rates.map(\.bare)), own: Spread(rates.map(\.own)),
      ratio: Spread(rates.map { $0.own / $0.bare }))
  }
}
