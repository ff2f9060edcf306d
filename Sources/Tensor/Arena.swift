/// Scratch memory for one pass through a network: handed out in order, taken back all at once.
///
/// Fresh pages cost twenty to seventy times as much as reused ones, so the arena keeps what it
/// has. It grows in the first passes and is one block afterwards.
package final class Arena {
  private var blocks: [Buffer] = []
  private var used = 0
  /// Floats in the blocks before the last.
  private var filled = 0

  package init() {}

  /// `[rows, columns]` floats with whatever they held before.
  package func matrix(rows: Int, columns: Int) -> Matrix {
    let count = (rows * columns + 15) & ~15
    if blocks.isEmpty || used + count > blocks[blocks.count - 1].count {
      filled += used
      blocks.append(Buffer(count: max(count, 1 << 16, blocks.last?.count ?? 0)))
      used = 0
    }
    defer { used += count }
    return blocks[blocks.count - 1].matrix(at: used, rows: rows, columns: columns)
  }

  /// Takes everything back; matrices handed out before are void.
  package func reset() {
    if blocks.count > 1 { blocks = [Buffer(count: filled + used)] }
    used = 0
    filled = 0
  }
}
