import Glibc

/// One peer's connection and the one inside the process that its bytes go on by. Owned by the
/// reception's thread.
final class Relay {
  enum Flow {
    /// All that there was has moved.
    case idle
    /// Something waits for room: in the peer's connection, in the inner one, or by its credit.
    case held
    /// The side that was read from has ended, and what it said has moved.
    case ended
  }

  static let stretch = 64 << 10

  let id: UInt64
  let outer: CInt
  /// -1 until the peer has said something.
  private(set) var inner: CInt = -1
  let since: Double
  private var toInner: [UInt8] = []
  private var toOuter: [UInt8] = []
  private var frames = FrameCount()
  /// Since when the peer has taken nothing of what waits for it.
  private(set) var stuckSince: Double?
  /// Whether its credit is used up.
  private(set) var isPaused = false
  /// Whether the learner's side has ended and the peer only takes what is left.
  private(set) var isEnding = false
  var outerInterest = Epoll.readable
  var innerInterest = Epoll.readable

  init(id: UInt64, outer: CInt, since: Double) {
    self.id = id
    self.outer = outer
    self.since = since
  }

  deinit {
    close(outer)
    if inner >= 0 { close(inner) }
  }

  var hasLeftovers: Bool { !toOuter.isEmpty }
  /// Whether the peer has not said anything yet.
  var isSilent: Bool { inner < 0 && !isEnding }

  var wantedOuter: Epoll.Interest {
    (isPaused || isEnding || !toInner.isEmpty ? 0 : Epoll.readable)
      | (toOuter.isEmpty ? 0 : Epoll.writable)
  }

  var wantedInner: Epoll.Interest {
    (toOuter.isEmpty ? Epoll.readable : 0) | (toInner.isEmpty ? 0 : Epoll.writable)
  }

  /// Moves what the peer has sent on to the learner's socket.
  ///
  /// - Parameters:
  ///   - room: bytes that may be taken now.
  ///   - took: told how many were, and how many parts begin in them.
  ///   - connect: makes the inner connection; -1 where that fails.
  func moveIn(
    _ buffer: UnsafeMutableRawBufferPointer, room: () -> Int, took: (Int, _ parts: Int) -> Void,
    connect: () -> CInt
  ) -> Flow {
    if isEnding { return .held }
    isPaused = false
    for _ in 0..<4 {
      guard flush(&toInner, to: inner) else { return .ended }
      if !toInner.isEmpty { return .held }
      let most = min(room(), buffer.count)
      guard most > 0 else {
        isPaused = true
        return .held
      }
      let count = recv(outer, buffer.baseAddress, most, 0)
      if count == 0 { return .ended }
      if count < 0 { return Self.mayTryAgain ? .idle : .ended }
      if inner < 0 {
        inner = connect()
        if inner < 0 { return .ended }
      }
      guard let parts = frames.count(UnsafeRawBufferPointer(rebasing: buffer[..<count])) else {
        return .ended
      }
      took(count, parts)
      guard let sent = Self.send(UnsafeRawBufferPointer(buffer)[..<count], to: inner) else {
        return .ended
      }
      if sent < count { toInner = Array(buffer[sent..<count]) }
    }
    return .idle
  }

  /// Moves what the learner's socket says on to the peer.
  func moveOut(_ buffer: UnsafeMutableRawBufferPointer, now: Double) -> Flow {
    let waited = toOuter.count
    guard flush(&toOuter, to: outer) else { return .ended }
    if toOuter.count < waited { stuckSince = toOuter.isEmpty ? nil : now }
    guard inner >= 0 else { return .idle }
    for _ in 0..<4 where toOuter.isEmpty {
      let count = recv(inner, buffer.baseAddress, buffer.count, 0)
      if count == 0 { return .ended }
      if count < 0 { return Self.mayTryAgain ? .idle : .ended }
      guard let sent = Self.send(UnsafeRawBufferPointer(buffer)[..<count], to: outer) else {
        return .ended
      }
      if sent < count {
        toOuter = Array(buffer[sent..<count])
        stuckSince = now
      }
    }
    return toOuter.isEmpty ? .idle : .held
  }

  /// Takes in what the learner's side had still said when it ended: no more than a socket holds.
  func takeRest(_ buffer: UnsafeMutableRawBufferPointer) {
    while true {
      let count = recv(inner, buffer.baseAddress, buffer.count, 0)
      guard count > 0 else { return }
      toOuter += buffer[..<count]
    }
  }

  /// The learner's side has ended: what the peer has not taken yet is given its time.
  func endInside() {
    isEnding = true
    close(inner)
    inner = -1
  }

  /// - Returns: false once the connection is broken.
  private func flush(_ bytes: inout [UInt8], to descriptor: CInt) -> Bool {
    if bytes.isEmpty { return true }
    guard let sent = bytes.withUnsafeBytes({ Self.send($0[...], to: descriptor) }) else {
      return false
    }
    bytes.removeFirst(sent)
    return true
  }

  /// How many bytes went; nil once the connection is broken.
  private static func send(_ bytes: Slice<UnsafeRawBufferPointer>, to descriptor: CInt) -> Int? {
    let bytes = UnsafeRawBufferPointer(rebasing: bytes)
    let sent = Glibc.send(
      descriptor, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL))
    return sent >= 0 ? sent : mayTryAgain ? 0 : nil
  }

  private static var mayTryAgain: Bool { [EAGAIN, EWOULDBLOCK, EINTR].contains(errno) }
}
