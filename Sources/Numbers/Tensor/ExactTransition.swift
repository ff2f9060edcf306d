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

/// y ← a·x + b·v + 0·x, in memory that is there: as ``exactTransition(_:_:_:_:_:_:)`` of a step without
/// noise.
package func exactMean(
  _ a: Float, _ x: ArraySlice<Float>, _ b: Float, _ v: ArraySlice<Float>, into y: inout [Float]
) {
  precondition(x.count == v.count && x.count == y.count, "one length")
  x.withUnsafeBufferPointer { x in
    v.withUnsafeBufferPointer { v in
      y.withUnsafeMutableBufferPointer { y in
        Kernels.table.pointee.transition(
          a, x.baseAddress, b, v.baseAddress, 0, x.baseAddress, y.baseAddress, y.count)
      }
    }
  }
}
