package import CWire
import Glibc

/// Memory for C messages: taken piece by piece within a budget, given back all at once.
///
/// protobuf-c unpacks into it through ``allocator``; when the budget is used up it gets NULL and
/// gives up. The pointers are good for as long as the arena.
package final class Arena {
  /// Bytes that may be taken from the system.
  package let budget: Int
  /// Bytes taken from the system; never more than the budget.
  package private(set) var highWater = 0
  /// Whether a piece was asked for that was not there.
  package private(set) var isExhausted = false

  private var blocks: [UnsafeMutableRawPointer] = []
  private var free = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  private static let blockBytes = 8_192
  private static let alignment = 16

  package init(budget: Int = .max) { self.budget = budget }

  /// The budget for unpacking: twice the bytes, and some for small messages.
  package convenience init(unpacking bytes: Int) {
    self.init(budget: 2 * bytes + 65_536)
  }

  deinit {
    for block in blocks { Glibc.free(block) }
  }

  /// Memory on a 16-byte boundary, or nil when the budget or the system has no more.
  package func allocate(_ count: Int) -> UnsafeMutableRawPointer? {
    let piece = take(count)
    if piece == nil { isExhausted = true }
    return piece
  }

  private func take(_ count: Int) -> UnsafeMutableRawPointer? {
    guard count <= budget else { return nil }
    let rounded = max(1, (count + Self.alignment - 1) / Self.alignment) * Self.alignment
    if rounded <= free.count { return carve(rounded) }
    // A large piece gets a block of its own, so that the rest of the current one is not lost.
    if rounded > Self.blockBytes / 4 { return block(rounded) }
    let size = min(Self.blockBytes, budget - highWater)
    guard size >= rounded, let start = block(size) else { return nil }
    free = UnsafeMutableRawBufferPointer(start: start, count: size)
    return carve(rounded)
  }

  private func carve(_ count: Int) -> UnsafeMutableRawPointer? {
    let start = free.baseAddress
    free = UnsafeMutableRawBufferPointer(rebasing: free[count...])
    return start
  }

  private func block(_ count: Int) -> UnsafeMutableRawPointer? {
    guard count <= budget - highWater, let start = malloc(count) else { return nil }
    highWater += count
    blocks.append(start)
    return start
  }

  /// For protobuf-c's unpack functions; good for as long as the arena.
  package var allocator: ProtobufCAllocator {
    ProtobufCAllocator(
      alloc: { arena, count in
        guard let arena else { return nil }
        return Unmanaged<Arena>.fromOpaque(arena).takeUnretainedValue().allocate(count)
      },
      // Everything is freed at the end, together.
      free: { _, _ in },
      allocator_data: Unmanaged.passUnretained(self).toOpaque())
  }
}
