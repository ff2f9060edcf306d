package import Foundation

/// A queue between threads, with a bell for a receiver that waits on a socket.
///
/// It is bounded by meaning, not by count: what is posted here was leased or counted before.
package final class Mailbox<Item: Sendable>: @unchecked Sendable {
  // `@unchecked`: every access to the two variables holds the condition's lock.
  private let condition = NSCondition()
  private var items: [Item] = []
  private var isClosed = false
  private let wakeup: Wakeup?

  package init(waking wakeup: Wakeup? = nil) { self.wakeup = wakeup }

  package func post(_ item: Item) {
    condition.lock()
    items.append(item)
    condition.signal()
    condition.unlock()
    wakeup?.signal()
  }

  /// The oldest item, after waiting for one; nil when the mailbox is closed.
  package func next() -> Item? { next(upTo: 1) { _, _ in true }?.first }

  /// The oldest item and, up to a number, those right behind it that are like it, after waiting for one; nil when
  /// the mailbox is closed.
  package func next(upTo most: Int, alike: (Item, Item) -> Bool) -> [Item]? {
    condition.lock()
    defer { condition.unlock() }
    while items.isEmpty && !isClosed { condition.wait() }
    if isClosed { return nil }
    let first = items[0]
    let taken = Array(items.prefix(most).prefix { alike(first, $0) })
    items.removeFirst(taken.count)
    return taken
  }

  /// Takes back what was posted and nobody has received.
  package func withdraw(where isMeant: (Item) -> Bool) -> [Item] {
    condition.lock()
    defer { condition.unlock() }
    let withdrawn = items.filter(isMeant)
    items.removeAll(where: isMeant)
    return withdrawn
  }

  /// Everything posted so far; never waits.
  package func takeAll() -> [Item] {
    condition.lock()
    defer { condition.unlock() }
    defer { items.removeAll() }
    return items
  }

  /// Everything posted, after waiting for at least one item; nil when the mailbox is closed and
  /// empty, an empty list after the timeout.
  package func wait(atMost timeout: TimeInterval) -> [Item]? {
    condition.lock()
    defer { condition.unlock() }
    let deadline = Date(timeIntervalSinceNow: timeout)
    while items.isEmpty && !isClosed {
      if !condition.wait(until: deadline) { break }
    }
    if items.isEmpty && isClosed { return nil }
    defer { items.removeAll() }
    return items
  }

  package func close() {
    condition.lock()
    isClosed = true
    condition.broadcast()
    condition.unlock()
  }
}
