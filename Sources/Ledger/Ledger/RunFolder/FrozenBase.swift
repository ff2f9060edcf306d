package import Flow
import Network
package import Records
package import Tensor

/// The weights that a run's adapter is added to and that nothing changes.
///
/// A run folder keeps them once, learners send them to actors like a ``PromptList``, and whoever reads them
/// compares the digest.
package struct FrozenBase: Hashable, Sendable {
  package let weights: ParameterSet

  /// Of little-endian float32.
  package var digest: Digest { weights.digest }

  package init(_ weights: Buffer) { self.weights = ParameterSet(weights) }

  /// Those that a learner has sent, which have the digest already.
  ///
  /// - Returns: nil where there are more or fewer than `count` values, or some are not finite.
  package init?(_ bytes: [UInt8], count: Int) {
    guard bytes.count == count * MemoryLayout<Float>.size else { return nil }
    let buffer = Buffer(count: count)
    buffer.write(bytes, atByte: 0)
    guard buffer.isFinite else { return nil }
    self.init(buffer)
  }

  /// As they travel.
  package var bytes: [UInt8] { unsafe weights.buffer.withBytes { unsafe Array($0) } }

  package static func == (a: FrozenBase, b: FrozenBase) -> Bool { a.digest == b.digest }

  package func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}
