import Glibc

/// Why nobody can listen at an address, in one sentence without a full stop.
package struct ListeningError: Error, Equatable, CustomStringConvertible {
  package let description: String
}

extension EndpointAddress {
  /// The same place as ``PublicListener`` can bind it: a name of this machine or of one of its interfaces becomes
  /// the address that it stands for, IPv4 first.
  ///
  /// Nothing is left behind, so a place that is free now may be taken a moment later.
  ///
  /// - Throws: where no name leads to an address of this machine, or all of them are taken.
  package func forListening() throws(ListeningError) -> EndpointAddress {
    if let obstacle = obstacleToListening() { throw ListeningError(description: obstacle) }
    guard case .tcp(let host, let port) = transport else { return self }
    if host == "*" {
      if let obstacle = Self.obstacle(to: "0.0.0.0", port) {
        throw ListeningError(description: obstacle)
      }
      return self
    }
    let addresses = try Self.addresses(of: host)
    var obstacles: [String] = []
    for address in addresses {
      if let obstacle = Self.obstacle(to: address, port) {
        obstacles.append(address == host ? obstacle : "\(host) is \(address), and \(obstacle)")
        continue
      }
      let bracketed = address.contains(":") ? "[\(address)]" : address
      let text = "tcp://\(bracketed):\(port.map { "\($0)" } ?? "*")"
      guard let result = EndpointAddress(text) else { break }
      return result
    }
    throw ListeningError(description: obstacles.first ?? "\(host) has no address")
  }

  /// Numeric addresses, IPv4 before IPv6.
  private static func addresses(of host: String) throws(ListeningError) -> [String] {
    let ofInterface = addresses(ofInterface: host)
    if !ofInterface.isEmpty { return ofInterface }
    var hints = addrinfo()
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, nil, &hints, &found)
    defer { if let found { freeaddrinfo(found) } }
    guard status == 0 else {
      throw ListeningError(
        description:
          "\(host) is neither an address nor an interface of this machine, and the name leads"
          + " to none (\(String(cString: gai_strerror(status))))")
    }
    var result: [(family: CInt, text: String)] = []
    var next = found
    while let entry = next?.pointee {
      next = entry.ai_next
      if let text = text(of: entry.ai_addr, entry.ai_addrlen) {
        result.append((entry.ai_family, text))
      }
    }
    return fourFirst(result)
  }

  private static func addresses(ofInterface name: String) -> [String] {
    guard if_nametoindex(name) != 0 else { return [] }
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var result: [(family: CInt, text: String)] = []
    var next = list
    while let entry = next?.pointee {
      next = entry.ifa_next
      guard String(cString: entry.ifa_name) == name, let address = entry.ifa_addr else { continue }
      let family = CInt(address.pointee.sa_family)
      let size =
        family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
      guard [AF_INET, AF_INET6].contains(family) else { continue }
      if let text = text(of: address, socklen_t(size)) { result.append((family, text)) }
    }
    return fourFirst(result)
  }

  private static func fourFirst(_ list: [(family: CInt, text: String)]) -> [String] {
    list.filter { $0.family == AF_INET }.map(\.text)
      + list.filter { $0.family == AF_INET6 && !$0.text.contains("%") }.map(\.text)
  }

  static func text(of address: UnsafeMutablePointer<sockaddr>?, _ size: socklen_t)
    -> String?
  {
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    guard
      getnameinfo(address, size, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
    else { return nil }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Why a socket cannot be bound at a numeric address; nil if it can.
  private static func obstacle(to address: String, _ port: UInt16?) -> String? {
    var hints = addrinfo()
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(address, "\(port ?? 0)", &hints, &found) == 0, let entry = found?.pointee
    else { return "\(address) is no address" }
    defer { freeaddrinfo(found) }
    let probe = socket(entry.ai_family, entry.ai_socktype, 0)
    guard probe >= 0 else { return nil }
    defer { close(probe) }
    // As the listener does: what a learner that has just ended left behind is no obstacle.
    var yes: CInt = 1
    setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
    if bind(probe, entry.ai_addr, entry.ai_addrlen) == 0, listen(probe, 1) == 0 { return nil }
    switch errno {
    case EADDRINUSE: return "somebody listens at port \(port ?? 0) there"
    case EADDRNOTAVAIL: return "\(address) is no address of this machine"
    case EACCES: return "port \(port ?? 0) is not for this user"
    case let code: return String(cString: strerror(code))
    }
  }
}
