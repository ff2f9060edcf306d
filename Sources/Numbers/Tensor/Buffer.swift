import Glibc

/// Consecutive float32 in memory of its own, aligned to 64 bytes and zero at first.
///
/// A reference type: parameters, gradients and moments are few, large and shared by name.
@safe
package final class Buffer: @unchecked Sendable {
  // `@unchecked`: the memory never moves and its owner alone writes to it; the numbers tower is
  // single-owner, and a buffer that was handed to another thread is not touched here any more.
  package let count: Int
  let base: UnsafeMutablePointer<Float>
  /// The block that ``base`` is in.
  private let block: UnsafeMutableRawPointer

  private static let hugePage = 2 << 20

  package convenience init(count: Int) {
    self.init(uninitialized: count)
    clear()
  }

  /// One whose values are written before they are read.
  private init(uninitialized count: Int) {
    precondition(count >= 0, "a buffer cannot have \(count) floats")
    self.count = count
    let bytes = max(count, 1) * 4
    let isLarge = bytes >= 2 * Self.hugePage
    let alignment = isLarge ? Self.hugePage : 64
    // Aligned here and not by the C library: its blocks for an alignment are too small for the next of
    // the same size once they are free, and a learner that makes a buffer for every version would grow.
    block = .allocate(byteCount: bytes + alignment, alignment: 16)
    let memory = block.alignedUp(toMultipleOf: alignment)
    // A wish: products walk down columns, and a step there is often a page of the small size.
    if isLarge { madvise(memory, bytes, MADV_HUGEPAGE) }
    base = memory.bindMemory(to: Float.self, capacity: max(count, 1))
  }

  package convenience init(_ scalars: [Float]) {
    self.init(uninitialized: scalars.count)
    base.update(from: scalars, count: scalars.count)
  }

  deinit { block.deallocate() }

  /// The whole buffer as one row.
  package var row: Matrix { matrix(at: 0, rows: 1, columns: count) }

  /// A view of `rows · columns` floats from `offset` on.
  package func matrix(at offset: Int, rows: Int, columns: Int) -> Matrix {
    precondition(
      offset >= 0 && rows >= 0 && columns >= 0 && offset + rows * columns <= count,
      "[\(rows), \(columns)] from \(offset) leaves a buffer of \(count)")
    return Matrix(base: base + offset, rows: rows, columns: columns, owner: self)
  }

  package var scalars: [Float] { Array(UnsafeBufferPointer(start: base, count: count)) }

  package func copy() -> Buffer {
    let other = Buffer(uninitialized: count)
    other.base.update(from: base, count: count)
    return other
  }

  /// Every value rounded to the nearest with 8 bits of precision, ties to even: what bfloat16 holds. A NaN stays
  /// one, and what is too large becomes infinite.
  package func roundedToBFloat16() -> Buffer {
    let other = Buffer(uninitialized: count)
    for index in 0..<count {
      let bits = base[index].bitPattern
      // Half of what is cut off, less one unless the last bit that stays is odd; quiet NaNs keep their top bits.
      let rounded = base[index].isNaN ? bits | 0x40_0000 : bits &+ 0x7fff &+ (bits >> 16 & 1)
      other.base[index] = Float(bitPattern: rounded & 0xffff_0000)
    }
    return other
  }

  /// Takes over all values of another buffer of the same size.
  package func assign(_ other: Buffer) {
    precondition(other.count == count, "\(other.count) floats do not fit a buffer of \(count)")
    base.update(from: other.base, count: count)
  }

  package func assign(_ scalars: [Float]) {
    precondition(scalars.count == count, "\(scalars.count) floats do not fit a buffer of \(count)")
    base.update(from: scalars, count: count)
  }

  package func clear() { base.update(repeating: 0, count: count) }

  /// One whose bytes are made by `fill`, little-endian.
  package static func filled<Failure: Error>(
    count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) -> Buffer {
    let buffer = Buffer(count: count)
    try fill(UnsafeMutableRawBufferPointer(start: buffer.base, count: count * 4))
    return buffer
  }

  /// Takes over bytes, little-endian, from a place on.
  package func write(_ bytes: [UInt8], atByte place: Int) {
    precondition(place >= 0 && place + bytes.count <= count * 4, "outside of the buffer")
    bytes.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      (UnsafeMutableRawPointer(base) + place).copyMemory(from: start, byteCount: source.count)
    }
  }

  /// Whether no value is NaN or infinite.
  package var isFinite: Bool { UnsafeBufferPointer(start: base, count: count).areFinite }

  /// Its bytes, little-endian, for a moment.
  package func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(start: base, count: count * 4))
  }
}
