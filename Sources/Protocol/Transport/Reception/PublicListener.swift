import Bytes
import CSystem
import Glibc

/// A listening socket at an endpoint that others can reach.
struct PublicListener: ~Copyable, Sendable {
  let descriptor: CInt
  /// With the port that was given to it.
  let endpoint: String
  /// Of an `ipc` endpoint; deleted with the listener.
  private let path: String?

  /// - Parameter backlog: connections that wait to be accepted.
  init(at address: EndpointAddress, backlog: CInt) throws(FileError) {
    switch address.transport {
    case .ipc(let path):
      descriptor = try Self.local(path, backlog, address.description)
      endpoint = address.description
      self.path = path.hasPrefix("@") ? nil : path
    case .tcp(let host, let port):
      (descriptor, endpoint) = try Self.network(host, port ?? 0, backlog, address.description)
      path = nil
    }
  }

  deinit {
    close(descriptor)
    if let path { unlink(path) }
  }

  private static func local(_ path: String, _ backlog: CInt, _ text: String) throws(FileError)
    -> CInt
  {
    guard let address = LocalAddress(path) else {
      throw FileError(operation: "binding", path: text, code: ENAMETOOLONG)
    }
    let descriptor = try open(AF_UNIX, text)
    // What a dead one left; nobody listens there, which was looked at before.
    if !path.hasPrefix("@") { unlink(path) }
    let bound = address.withPointer { bind(descriptor, $0, $1) == 0 }
    guard bound, listen(descriptor, backlog) == 0 else {
      let error = FileError.last("binding", text)
      close(descriptor)
      throw error
    }
    return descriptor
  }

  /// All interfaces for `*`; else the first address of the host that can be bound.
  private static func network(
    _ host: String, _ port: UInt16, _ backlog: CInt, _ text: String
  ) throws(FileError) -> (CInt, String) {
    var error = FileError(operation: "binding", path: text, code: EADDRNOTAVAIL)
    for candidate in NetworkAddress.candidates(toListenAt: host, port: port) {
      let descriptor: CInt
      do throws(FileError) {
        descriptor = try open(candidate.family, text)
      } catch let fault {
        error = fault
        continue
      }
      var yes: CInt = 1
      var no: CInt = 0
      let size = socklen_t(MemoryLayout<CInt>.size)
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, size)
      if candidate.family == AF_INET6 {
        setsockopt(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &no, size)
      }
      let bound = candidate.withPointer { bind(descriptor, $0, $1) == 0 }
      if bound, listen(descriptor, backlog) == 0, let found = NetworkAddress(boundTo: descriptor) {
        return (descriptor, "tcp://\(found.hostAndPort)")
      }
      error = FileError.last("binding", text)
      close(descriptor)
    }
    throw error
  }

  private static func open(_ family: CInt, _ text: String) throws(FileError) -> CInt {
    let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(family, kind, 0)
    guard descriptor >= 0 else { throw .last("making a socket for", text) }
    return descriptor
  }
}

/// An address of the network, as system calls take it.
struct NetworkAddress: Sendable {
  private let bytes: [UInt8]

  var family: CInt { bytes.withUnsafeBytes { CInt($0.loadUnaligned(as: sa_family_t.self)) } }

  private init(_ storage: UnsafeRawBufferPointer) { bytes = Array(storage) }

  /// Of the peer that was accepted, or what the socket is bound to.
  init?(boundTo descriptor: CInt) {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
    }
    guard status == 0 else { return nil }
    self = withUnsafeBytes(of: &storage) {
      Self(UnsafeRawBufferPointer(rebasing: $0[..<Int(size)]))
    }
  }

  init(_ storage: inout sockaddr_storage, size: socklen_t) {
    self = withUnsafeBytes(of: &storage) {
      Self(UnsafeRawBufferPointer(rebasing: $0[..<Int(size)]))
    }
  }

  /// What a host to listen at means: `*` is every interface, IPv6 and IPv4 together where there is
  /// IPv6; an interface's name is its addresses; any other name is looked up.
  static func candidates(toListenAt host: String, port: UInt16) -> [NetworkAddress] {
    let found = lookUp(host == "*" ? nil : host, port: port)
    return found.isEmpty ? ofInterface(host, port: port) : found
  }

  private static func lookUp(_ host: String?, port: UInt16) -> [NetworkAddress] {
    var hints = addrinfo()
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE
    var first: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, "\(port)", &hints, &first) == 0, let first else { return [] }
    defer { freeaddrinfo(first) }
    var found: [NetworkAddress] = []
    var next: UnsafeMutablePointer<addrinfo>? = first
    while let entry = next {
      if let address = entry.pointee.ai_addr {
        found.append(
          Self(UnsafeRawBufferPointer(start: address, count: Int(entry.pointee.ai_addrlen))))
      }
      next = entry.pointee.ai_next
    }
    guard host == nil else { return found }
    // The one socket that takes both kinds.
    return found.filter { $0.family == AF_INET6 } + found.filter { $0.family != AF_INET6 }
  }

  private static func ofInterface(_ name: String, port: UInt16) -> [NetworkAddress] {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0, let first else { return [] }
    defer { freeifaddrs(first) }
    var found: [NetworkAddress] = []
    var next: UnsafeMutablePointer<ifaddrs>? = first
    while let entry = next {
      next = entry.pointee.ifa_next
      guard String(cString: entry.pointee.ifa_name) == name, let address = entry.pointee.ifa_addr
      else { continue }
      let size: Int
      switch CInt(address.pointee.sa_family) {
      case AF_INET: size = MemoryLayout<sockaddr_in>.size
      case AF_INET6: size = MemoryLayout<sockaddr_in6>.size
      default: continue
      }
      var bytes = Array(UnsafeRawBufferPointer(start: address, count: size))
      // The port stands at the same place in both, most significant byte first.
      bytes[2] = UInt8(port >> 8)
      bytes[3] = UInt8(port & 255)
      found.append(bytes.withUnsafeBytes { Self($0) })
    }
    return found
  }

  func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var storage = sockaddr_storage()
    withUnsafeMutableBytes(of: &storage) { $0.copyBytes(from: bytes) }
    return withUnsafePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(bytes.count)) }
    }
  }

  private func text(_ flags: CInt) -> (host: String, port: String)? {
    var host = [CChar](repeating: 0, count: 256)
    var port = [CChar](repeating: 0, count: 32)
    let status = withPointer {
      getnameinfo($0, $1, &host, 256, &port, 32, flags)
    }
    guard status == 0 else { return nil }
    func string(_ bytes: [CChar]) -> String {
      String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    let name = string(host)
    // A socket for both families has IPv4 addresses in IPv6 form.
    return (name.hasPrefix("::ffff:") ? String(name.dropFirst(7)) : name, string(port))
  }

  /// Without the port.
  var host: String { text(NI_NUMERICHOST | NI_NUMERICSERV)?.host ?? "?" }

  /// As in an endpoint, IPv6 in brackets.
  var hostAndPort: String {
    guard let (host, port) = text(NI_NUMERICHOST | NI_NUMERICSERV) else { return "?" }
    return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}

/// A path of this machine, as system calls take it; one that begins with `@` is in no file system.
struct LocalAddress: Sendable {
  private let name: [UInt8]

  init?(_ path: String) {
    var name = Array(path.utf8)
    if name.first == UInt8(ascii: "@") { name[0] = 0 }
    guard name.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path) else { return nil }
    self.name = name
  }

  /// Of the other end of a connection; nil where it has none.
  init?(peerOf descriptor: CInt) {
    var address = sockaddr_un()
    var size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let status = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &size) }
    }
    guard status == 0, address.sun_family == sa_family_t(AF_UNIX) else { return nil }
    let count = Int(size) - MemoryLayout<sa_family_t>.size
    guard count > 0 else { return nil }
    name = withUnsafeBytes(of: &address.sun_path) { Array($0.prefix(count)) }
  }

  /// The last eight bytes as a number, if what stands before them is `prefix`.
  func number(after prefix: [UInt8]) -> UInt64? {
    guard name.count == prefix.count + 8, name.starts(with: prefix) else { return nil }
    return name.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  init(number: UInt64, after prefix: [UInt8]) {
    name = prefix + stride(from: 56, through: 0, by: -8).map { UInt8(number >> UInt64($0) & 255) }
  }

  func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    // Of a path the byte 0 at its end counts, too.
    let isPath = name.first != 0
    let size = MemoryLayout<sa_family_t>.size + name.count + (isPath ? 1 : 0)
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(size)) }
    }
  }
}
