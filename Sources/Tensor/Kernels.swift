package import CKernels

/// The kernel set of this process, chosen once at start: the widest that the processor has.
package enum Kernels {
  // An immutable table of function pointers in the binary's constant data.
  nonisolated(unsafe) package static let table: UnsafePointer<CKernels> =
    CKernels_avx512() ?? CKernels_avx2() ?? CKernels_portable()

  /// All sets that this processor can run, for tests that compare them.
  nonisolated(unsafe) package static let available: [UnsafePointer<CKernels>] =
    [CKernels_portable(), CKernels_avx2(), CKernels_avx512()].compactMap { $0 }

  /// The instruction set of our own loops, such as `avx512`.
  package static var instructionSet: String { String(cString: table.pointee.name) }

  /// What two processes must share for their numbers to agree bit for bit: the rules by which the
  /// kernels round. All instruction sets follow the same ones.
  package static let numericsClass = "fma-float32/1"
}
