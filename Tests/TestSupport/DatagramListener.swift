import Glibc

/// A socket of datagrams in the file system, or in Linux's names without files (`@name`).
package final class DatagramListener {
  private let descriptor: CInt

  package struct Failure: Error { package let code: CInt }

  package init(at path: String) throws {
    descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let name = path.hasPrefix("@") ? [0] + Array(path.utf8.dropFirst()) : Array(path.utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    guard bound == 0 else { throw Failure(code: errno) }
  }

  deinit { close(descriptor) }

  /// What has come, without waiting.
  package func all() -> [String] {
    var texts: [String] = []
    var bytes = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = recv(descriptor, &bytes, bytes.count, CInt(MSG_DONTWAIT))
      guard count >= 0 else { return texts }
      texts.append(String(decoding: bytes.prefix(count), as: UTF8.self))
    }
  }
}
