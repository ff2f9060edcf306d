import CKernels

/// One kernel at one size: what a call does, and by what it is bounded.
struct KernelCase {
  /// Its name in `CKernels`.
  let kernel: String
  let size: String
  /// Rows of its output: tokens, latents, or rows of weights.
  let rows: Int
  let bound: Bound
  let call: (CKernels) -> Void

  enum Bound {
    /// The peak of fused multiply-adds; floating-point operations of a call.
    case arithmetic(operations: Double)
    /// Memory; bytes that a call reads and writes if it touches each value once.
    case traffic(bytes: Double)
  }

  /// Operations or bytes.
  var work: Double {
    switch bound {
    case .arithmetic(let operations): operations
    case .traffic(let bytes): bytes
    }
  }

  var isArithmetic: Bool {
    if case .arithmetic = bound { true } else { false }
  }
}
