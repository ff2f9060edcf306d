import CKernels

/// Two ways of moving bytes that do nothing else: a copy, and a sweep that writes back what it reads.
///
/// The faster one bounds a kernel that moves as many bytes. Neither alone would: where lines must be
/// fetched before they are written, a copy moves half as much again as it is credited with.
final class MemoryYardstick {
  private let operands: KernelOperands
  private let capacity: Int

  /// - Parameter bytes: the most that will be asked for.
  init(bytes: Double) {
    capacity = Int(bytes / 8)
    operands = KernelOperands([capacity, capacity])
  }

  /// Half as many bytes from one place to another.
  func copy(bytes: Double) {
    let count = Int(bytes / 8)
    precondition(count <= capacity, "a yardstick of \(capacity) floats cannot copy \(count)")
    operands[1].update(from: operands[0], count: count)
  }

  /// Half as many bytes, read and written in place.
  func sweep(bytes: Double, _ kernels: CKernels) {
    let count = Int(bytes / 8)
    precondition(count <= capacity, "a yardstick of \(capacity) floats cannot sweep \(count)")
    kernels.sweep(operands[0], count)
  }
}
