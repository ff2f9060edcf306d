/// How much one peer may send another. Every limit holds for sending and for receiving.
package enum WireLimits {
  /// Of a message's first part.
  package static let envelopeBytes = 65_536
  /// Of a message's second part.
  package static let payloadBytes = 1 << 20
  /// Of one unit's result, which comes in pieces where one message cannot carry it.
  package static let unitBytes = 256 << 20
  /// Of one journal record: a result or a configuration, and what stands around it.
  package static let recordBytes = unitBytes + 65_536

  /// Of names, identifiers and classes.
  package static let nameBytes = 128
  /// Of sentences for people; longer ones are cut when they are sent.
  package static let textBytes = 1_024
  package static let configurationBytes = 60_000

  /// Of one run, and units of one of them: more than any configuration asks for.
  package static let updates: UInt64 = 1 << 40
  package static let unitsPerUpdate = 1 << 22

  /// Units in a hello, a heartbeat or a welcome's `discard`.
  package static let held = 64
  package static let acknowledgements = 256
  /// Their digests fill an envelope; with chunks of 1 MiB that is a model of 1.9 GiB.
  package static let chunks = 1_984
}
