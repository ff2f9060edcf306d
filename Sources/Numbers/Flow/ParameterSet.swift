import Bytes
package import Records
import Synchronization
package import Tensor

/// Parameters as they stand when the set is made; whoever changes the buffer makes another set.
///
/// A session may keep what it derives from a set for later calls under the same one.
package final class ParameterSet: @unchecked Sendable {
  // `@unchecked`: the buffer's values are not changed while the set is in use.
  package let buffer: Buffer
  private let known = Mutex<Digest?>(nil)

  package init(_ buffer: Buffer) { self.buffer = buffer }

  /// BLAKE2b-256 of the little-endian bytes, computed once.
  package var digest: Digest {
    known.withLock { known in
      if let known { return known }
      let digest = Digest(bytes: unsafe buffer.withBytes { unsafe DigestBuilder.digest(of: $0) })
      known = digest
      return digest
    }
  }
}
