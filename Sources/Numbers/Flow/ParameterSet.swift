package import Tensor

/// Parameters as they stand when the set is made; whoever changes the buffer makes another set.
///
/// A session may keep what it derives from a set for later calls under the same one.
package final class ParameterSet: @unchecked Sendable {
  // `@unchecked`: the buffer's values are not changed while the set is in use.
  package let buffer: Buffer

  package init(_ buffer: Buffer) { self.buffer = buffer }
}
