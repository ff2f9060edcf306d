/// Scratch memory for one pass through a network: handed out in order, taken back all at once.
///
/// Fresh pages cost twenty to seventy times as much as reused ones, so the arena keeps what it
/// has. It grows in the first passes and is one block afterwards.
package final class Arena {
  private var blocks: [Buffer] = []
  private var used = 0
  /// Floats in the blocks before the last.
  private var filled = 0
  /// The most floats that were out at one time.
  private var peak = 0

  package init() {}

  /// `[rows, columns]` floats with whatever they held before.
  package func matrix(rows: Int, columns: Int) -> Matrix {
    let count = (rows * columns + 15) & ~15
    if blocks.isEmpty || used + count > blocks[blocks.count - 1].count {
      filled += used
      blocks.append(Buffer(count: max(count, 1 << 16, blocks.last?.count ?? 0)))
      used = 0
    }
    defer {
      used += count
      peak = max(peak, filled + used)
    }
    return blocks[blocks.count - 1].matrix(at: used, rows: rows, columns: columns)
  }

  /// A place in the arena, to which it can go back.
  package struct Mark {
    fileprivate let blocks: Int
    fileprivate let used: Int
    fileprivate let filled: Int
  }

  package var mark: Mark { Mark(blocks: blocks.count, used: used, filled: filled) }

  /// Takes back what was handed out since `mark`, unless the arena had to grow in between; then it
  /// is as large as it needs to be from the next reset on.
  package func release(to mark: Mark) {
    guard mark.blocks == blocks.count else { return }
    used = mark.used
    filled = mark.filled
  }

  /// Takes everything back; matrices handed out before are void.
  package func reset() {
    if blocks.count > 1 { blocks = [Buffer(count: peak)] }
    used = 0
    filled = 0
  }
}
