/// One message and where it belongs: the first part of everything that learner and actors send each
/// other.
package struct Envelope: Hashable, Sendable {
  /// "TRIB".
  package static let magic: UInt32 = 0x5452_4942
  /// Peers with different major versions do not talk.
  package static let protocolMajor: UInt32 = 1
  package static let protocolMinor: UInt32 = 0

  /// The learner's life; 0 while an actor does not know it.
  package var epoch: UInt64
  /// Drawn by the learner for its welcome; 0 before.
  package var session: UInt64
  /// Counts the messages of one direction of a session.
  package var sequence: UInt64
  package var message: Message

  package init(epoch: UInt64, session: UInt64, sequence: UInt64, message: Message) {
    self.epoch = epoch
    self.session = session
    self.sequence = sequence
    self.message = message
  }
}
