import Glibc

/// An address that learners listen at and actors connect to: `tcp://HOST:PORT` or `ipc://PATH`.
package struct EndpointAddress: Hashable, Sendable, CustomStringConvertible {
  package enum Transport: Hashable, Sendable {
    /// The port is nil for `*`: any free one.
    case tcp(host: String, port: UInt16?)
    case ipc(path: String)
  }

  package let transport: Transport
  package let description: String

  /// nil for anything else than the two forms.
  package init?(_ text: String) {
    description = text
    if text.hasPrefix("ipc://") {
      let path = String(text.dropFirst(6))
      guard !path.isEmpty, path != "*", !path.utf8.contains(0) else { return nil }
      transport = .ipc(path: path)
      return
    }
    guard text.hasPrefix("tcp://") else { return nil }
    let rest = text.dropFirst(6)
    guard let colon = rest.lastIndex(of: ":") else { return nil }
    var host = rest[..<colon]
    let port = rest[rest.index(after: colon)...]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    // libzmq would read more into these.
    let isPlain =
      host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } && !host.contains { ";/[]".contains($0) }
    guard !host.isEmpty, isPlain else { return nil }
    if port == "*" || port == "0" {
      transport = .tcp(host: String(host), port: nil)
    } else {
      guard let number = UInt16(port) else { return nil }
      transport = .tcp(host: String(host), port: number)
    }
  }

  /// Whether nobody on another machine can reach it.
  package var isLocal: Bool {
    switch transport {
    case .ipc: true
    case .tcp(let host, _):
      if host == "localhost" {
        true
      } else if let bytes = Self.numeric(host, AF_INET, count: 4) {
        bytes[0] == 127
      } else if let bytes = Self.numeric(host, AF_INET6, count: 16) {
        bytes == Array(repeating: 0, count: 15) + [1]
      } else {
        false
      }
    }
  }

  /// Whether one can connect to it: it names a peer and a port.
  package var isSpecific: Bool {
    switch transport {
    case .ipc: true
    case .tcp(let host, let port): host != "*" && port != nil
    }
  }

  /// Why a socket must not be bound here: ``PublicListener`` deletes what is at the path of an ipc
  /// endpoint, a living learner's socket too. What a dead one left is no obstacle.
  package func obstacleToListening() -> String? {
    guard case .ipc(let path) = transport, !path.hasPrefix("@") else { return nil }
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    guard status.st_mode & S_IFMT == S_IFSOCK else { return "\(path) exists and is not a socket" }
    let probe = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    guard probe >= 0 else { return nil }
    defer { close(probe) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let outcome = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(probe, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    return outcome == 0 ? "somebody listens there" : nil
  }

  private static func numeric(_ host: String, _ family: CInt, count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    return inet_pton(family, host, &bytes) == 1 ? bytes : nil
  }
}
