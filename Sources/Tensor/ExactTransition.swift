import CKernels

/// y ← a·x + b·v + s·e with one rounding per operation, the same bits in every numerics class.
///
/// - Parameters: `x`, `v` and `e` have one length, which is the result's.
package func exactTransition(
  _ a: Float, _ x: [Float], _ b: Float, _ v: [Float], _ s: Float, _ e: [Float]
) -> [Float] {
  precondition(x.count == v.count && x.count == e.count, "one length")
  return [Float](unsafeUninitializedCapacity: x.count) { memory, filled in
    Kernels.table.pointee.transition(a, x, b, v, s, e, memory.baseAddress, x.count)
    filled = x.count
  }
}
