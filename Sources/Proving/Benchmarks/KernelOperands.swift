/// Arrays that one measured kernel reads and writes: aligned, apart from each other by more than their
/// length so that equal indices do not fall on the same cache sets, and filled with small numbers that
/// repeated calls cannot turn into denormals.
final class KernelOperands {
  private let memory: UnsafeMutableRawPointer
  private let starts: [UnsafeMutablePointer<Float>]

  init(_ counts: [Int]) {
    let line = 64
    var offsets: [Int] = []
    var end = 0
    for (index, count) in counts.enumerated() {
      // Five lines more for each array, on top of whole pages.
      offsets.append((end + 4095) / 4096 * 4096 + index * 5 * line)
      end = offsets[index] + 4 * count
    }
    memory = .allocate(byteCount: max(end, line), alignment: 4096)
    starts = zip(offsets, counts).map { [memory] offset, count in
      let start = (memory + offset).bindMemory(to: Float.self, capacity: count)
      for index in 0..<count { start[index] = Float(index % 17 + 1) * 0.01 }
      return start
    }
  }

  deinit { memory.deallocate() }

  subscript(index: Int) -> UnsafeMutablePointer<Float> { starts[index] }
}
