package import CKernels
import Glibc

/// The kernel set of this process, chosen once at start: the widest that the processor has.
package enum Kernels {
  // An immutable table of function pointers in the binary's constant data.
  nonisolated(unsafe) package static let table: UnsafePointer<CKernels> =
    available.first { String(cString: $0.pointee.name) == requested } ?? available.last!

  /// The set that the environment variable `TRIBUTARY_KERNELS` asks for: `portable`, `avx2` or
  /// `avx512`. Results do not depend on it; it is there to show that.
  package static let requested = getenv("TRIBUTARY_KERNELS").map { String(cString: $0) }

  /// Whether this processor has the set that was asked for.
  package static var hasRequested: Bool { requested == nil || requested == instructionSet }

  /// All sets that this processor can run, for tests that compare them.
  nonisolated(unsafe) package static let available: [UnsafePointer<CKernels>] =
    [CKernels_portable(), CKernels_avx2(), CKernels_avx512()].compactMap { $0 }

  /// The instruction set of our own loops, such as `avx512`.
  package static var instructionSet: String { String(cString: table.pointee.name) }

  /// What two processes must share for their numbers to agree bit for bit: the rules by which the
  /// kernels round. All instruction sets follow the same ones.
  package static let numericsClass = "fma-float32/1"
}
