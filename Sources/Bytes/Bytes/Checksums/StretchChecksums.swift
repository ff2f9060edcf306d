/// CRC32C of any stretch of a file, after one pass over it, from two blocks and some arithmetic.
///
/// With c(x) the checksum of the first x bytes, that of the bytes from a to b is
///
///     c(b) + c(a) · X^(8 (b − a))        over GF(2), modulo Castagnoli's polynomial
///
/// so stretches that overlap, which only hostile bytes give, cost no more than others.
package struct StretchChecksums {
  private static let blockBytes = 4_096

  /// Where the first block begins in the file.
  private let base: UInt64
  /// c at the beginning of each block, as far as anybody asked.
  private var prefixes: [UInt32] = [0]

  package init(from base: UInt64) { self.base = base }

  /// - Parameter range: within the file, from `base` on.
  package mutating func checksum(_ range: Range<UInt64>, of file: borrowing FileDescriptor)
    throws(FileError) -> UInt32
  {
    let end = try prefix(range.upperBound, of: file)
    let start = try prefix(range.lowerBound, of: file)
    return end ^ Self.product(start, Self.power(8 * (range.upperBound - range.lowerBound)))
  }

  /// c of the bytes from `base` to `position`.
  private mutating func prefix(_ position: UInt64, of file: borrowing FileDescriptor)
    throws(FileError) -> UInt32
  {
    let (block, rest) = Int(position - base).quotientAndRemainder(dividingBy: Self.blockBytes)
    while prefixes.count <= block {
      prefixes.append(try extended(prefixes.count - 1, by: Self.blockBytes, file))
    }
    return try extended(block, by: rest, file)
  }

  private func extended(_ block: Int, by count: Int, _ file: borrowing FileDescriptor)
    throws(FileError) -> UInt32
  {
    let bytes = try file.read(count, at: base + UInt64(block * Self.blockBytes))
    var checksum = CRC32C(prefixes[block])
    bytes.withUnsafeBytes { checksum.add($0) }
    return checksum.value
  }

  // MARK: Polynomials over GF(2), the constant in the highest bit as CRC32C has it

  private static let polynomial: UInt32 = 0x82f6_3b78
  private static let one: UInt32 = 1 << 31

  /// X^(2^k).
  private static let powers: [UInt32] = {
    var powers: [UInt32] = [one >> 1]
    for _ in 1..<64 {
      let last = powers[powers.count - 1]
      powers.append(product(last, last))
    }
    return powers
  }()

  private static func power(_ exponent: UInt64) -> UInt32 {
    powers.indices.filter { exponent >> UInt64($0) & 1 == 1 }.reduce(one) {
      product($0, powers[$1])
    }
  }

  private static func product(_ a: UInt32, _ b: UInt32) -> UInt32 {
    var sum: UInt32 = 0
    // b · X^k for the term X^k of a.
    var shifted = b
    for term: UInt32 in 0..<32 {
      if a << term & one != 0 { sum ^= shifted }
      shifted = shifted >> 1 ^ (shifted & 1 == 1 ? polynomial : 0)
    }
    return sum
  }
}
