import CKernels

extension KernelCase {
  /// Everything that does little arithmetic for each float32 that it moves, over `[rows, width]`.
  ///
  /// - Parameter place: where so many rows lie, such as `L2`.
  static func traffic(rows: Int, width: Int, place: String) -> [KernelCase] {
    let count = rows * width
    // One group of modulation for each latent of 64 tokens: shift, scale, gate.
    let tokensPerGroup = 64
    let stride = 3 * width, groups = (rows + tokensPerGroup - 1) / tokensPerGroup
    let memory = KernelOperands([
      count, count, count, count, groups * stride, groups * stride, 2 * rows,
    ])
    let group = KernelGroups((0..<rows).map { Int32($0 / tokensPerGroup) })
    let (x, y, a, b) = (memory[0], memory[1], memory[2], memory[3])
    let (modulation, slopes, mean) = (memory[4], memory[5], memory[6])
    let g = group.pointer
    // Where a gradient is 1 to the last bits: repeated multiplication leaves the numbers as they are.
    let far = KernelOperands([count])
    for index in 0..<count { far[0][index] = 8 }

    /// - Parameter moved: values that one output reads and writes.
    func kernel(
      _ name: String, moved: Double, _ call: @escaping (CKernels) -> Void
    ) -> KernelCase {
      KernelCase(
        kernel: name, size: "\(rows)×\(width) \(place)", rows: rows,
        bound: .traffic(bytes: moved * 4 * Double(count))
      ) { [memory, group, far] kernels in
        withExtendedLifetime((memory, group, far)) { call(kernels) }
      }
    }
    return [
      kernel("gelu", moved: 2) { $0.gelu(x, y, count) },
      kernel("gelu_gradient", moved: 4) { $0.gelu_gradient(x, y, a, count) },
      kernel("gelu_gradient_in_place", moved: 3) {
        $0.gelu_gradient_in_place(far[0], y, count)
      },
      kernel("silu", moved: 2) { $0.silu(x, y, count) },
      kernel("silu_gradient", moved: 4) { $0.silu_gradient(x, y, a, count) },
      kernel("add_scaled", moved: 3) { $0.add_scaled(0.5, x, y, count) },
      kernel("sum_rows", moved: 1) { $0.sum_rows(x, slopes, rows, width) },
      kernel("modulate", moved: 2) {
        $0.modulate(
          x, modulation, modulation + width, stride, g, y, mean, mean + rows, rows, width)
      },
      kernel("modulate_gradient", moved: 4) {
        $0.modulate_gradient(
          x, modulation + width, stride, g, mean, mean + rows, y, a, slopes, slopes + width, rows,
          width, true)
      },
      kernel("gated_add", moved: 3) {
        $0.gated_add(x, a, modulation + 2 * width, stride, g, y, rows, width)
      },
      kernel("gated_add_gradient", moved: 4) {
        $0.gated_add_gradient(
          x, modulation + 2 * width, stride, g, y, a, slopes + 2 * width, rows, width, true)
      },
      kernel("adamw", moved: 7) {
        $0.adamw(y, x, a, b, count, 1, 1e-9, 0.9, 0.99, 1e-8, 0, 1, 1)
      },
      kernel("approach", moved: 3) { $0.approach(0.01, x, y, count) },
      kernel("sum_of_squares", moved: 1) { blackHole(Float($0.sum_of_squares(x, count))) },
      kernel("normals", moved: 1) {
        var noise = CKernelsNoise(key: (1, 2), unit: (3, 4), place: 5)
        $0.normals(&noise, y, count)
      },
      kernel("transition", moved: 4) { $0.transition(0.9, x, -0.1, a, 0.4, b, y, count) },
    ]
  }
}

/// The group of each row, at an address that stays.
private final class KernelGroups {
  let pointer: UnsafeMutablePointer<Int32>

  init(_ groups: [Int32]) {
    pointer = .allocate(capacity: max(groups.count, 1))
    pointer.initialize(from: groups, count: groups.count)
  }

  deinit { pointer.deallocate() }
}
