import Bytes
import CSystem
import Glibc

/// The kernel's list of descriptors to watch, each with a number to tell it by.
struct Epoll: ~Copyable {
  typealias Interest = UInt32

  static let readable = UInt32(EPOLLIN.rawValue)
  static let writable = UInt32(EPOLLOUT.rawValue)
  /// The connection is over in both directions; reported unasked.
  static let broken = UInt32(EPOLLERR.rawValue) | UInt32(EPOLLHUP.rawValue)

  private let descriptor: CInt

  init() throws(FileError) {
    descriptor = epoll_create1(CInt(EPOLL_CLOEXEC))
    if descriptor < 0 { throw .last("creating", "an epoll") }
  }

  deinit { close(descriptor) }

  /// - Returns: whether the kernel had room for one more.
  borrowing func add(_ other: CInt, _ interest: Interest, number: UInt64) -> Bool {
    var event = epoll_event(events: interest, data: epoll_data_t(u64: number))
    return epoll_ctl(descriptor, EPOLL_CTL_ADD, other, &event) == 0
  }

  borrowing func change(_ other: CInt, _ interest: Interest, number: UInt64) {
    var event = epoll_event(events: interest, data: epoll_data_t(u64: number))
    epoll_ctl(descriptor, EPOLL_CTL_MOD, other, &event)
  }

  /// What is ready; nothing after the timeout or a Unix signal.
  borrowing func wait(milliseconds: CInt) -> [(number: UInt64, events: UInt32)] {
    var events = [epoll_event](repeating: epoll_event(), count: 64)
    let count = epoll_wait(descriptor, &events, CInt(events.count), milliseconds)
    return events.prefix(max(0, Int(count))).map { ($0.data.u64, $0.events) }
  }
}
