/// Whole numbers for the rows of a matrix, `[count]`: which row of a table each takes, or where
/// parts begin.
///
/// They stand in an ``Arena``, so that a network call builds its own without an array, and are valid
/// until its next `reset`.
@safe
package struct Indices {
  let base: UnsafePointer<Int32>
  package let count: Int
  /// All indices are in `0 ..< end`.
  let end: Int
  /// The object that frees the memory.
  let owner: AnyObject

  package subscript(place: Int) -> Int {
    precondition(place >= 0 && place < count, "place \(place) of \(count)")
    return Int(base[place])
  }

  package func prefix(_ count: Int) -> Indices {
    precondition(count >= 0 && count <= self.count, "\(count) of \(self.count) indices")
    return Indices(base: base, count: count, end: end, owner: owner)
  }
}

extension Arena {
  /// Calls `fill` with a function that adds one index; it must add `count`, each 0 or more.
  package func indices(count: Int, _ fill: (_ add: (Int) -> Void) -> Void) -> Indices {
    let memory = matrix(rows: 1, columns: count)
    // Raw stores: the same memory holds floats in the next pass.
    let raw = UnsafeMutableRawPointer(memory.base)
    var (filled, end) = (0, 0)
    fill { index in
      precondition(filled < count && index >= 0, "index \(index) after \(filled) of \(count)")
      raw.storeBytes(of: Int32(index), toByteOffset: 4 * filled, as: Int32.self)
      filled += 1
      end = max(end, index + 1)
    }
    precondition(filled == count, "\(filled) of \(count) indices")
    return Indices(
      base: UnsafePointer(raw.assumingMemoryBound(to: Int32.self)), count: count, end: end,
      owner: memory.owner)
  }
}
