import Glibc

/// Why a host's name leads to no address, as the system says it.
package struct ResolutionError: Error, Equatable, CustomStringConvertible {
  package let description: String
}

extension EndpointAddress {
  /// The places that the host's name stands for now, in the system's order, which is by what it believes to reach;
  /// libzmq would try the first alone. Numeric, unless there is only one.
  package func places() throws(ResolutionError) -> [EndpointAddress] {
    guard case .tcp(let host, let port) = transport else { return [self] }
    var hints = addrinfo()
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, nil, &hints, &found)
    defer { if let found { freeaddrinfo(found) } }
    guard status == 0 else {
      throw ResolutionError(description: String(cString: gai_strerror(status)))
    }
    var places: [EndpointAddress] = []
    var next = found
    while let entry = next?.pointee {
      next = entry.ai_next
      guard let text = Self.text(of: entry.ai_addr, entry.ai_addrlen),
        let place = EndpointAddress(
          "tcp://\(text.contains(":") ? "[\(text)]" : text):\(port.map { "\($0)" } ?? "*")"),
        !places.contains(place)
      else { continue }
      places.append(place)
    }
    return places.count > 1 ? places : [self]
  }
}
