import CCurl
import Synchronization

/// HTTP from threads that wait: an answer or a failure, with a limit for its time and its length.
///
/// Whoever waits sleeps. Connections are kept for the next question. Redirects are not followed. A proxy
/// of the environment (`http_proxy`, `https_proxy`, `no_proxy`) is used, but never for this machine.
package final class HTTPClient: Sendable {
  private struct State {
    /// Lines that nobody uses, each with the connections that it keeps.
    var idle: [HTTPLine] = []
    var busy: [ObjectIdentifier: HTTPLine] = [:]
    var isClosed = false
  }

  private let state = Mutex(State())

  /// libcurl wants this once, before anything else and while no other thread is in it.
  private static let isReady = curl_global_init(3) == CURLE_OK

  package init() {}

  /// Asks and waits for the answer, whatever its status.
  ///
  /// - Parameters:
  ///   - seconds: until the whole answer must be there.
  ///   - limit: bytes of the longest body.
  ///   - waiting: called a few times a second while the answer is awaited.
  package func answer(
    to request: HTTPRequest, within seconds: Double, limit: Int, waiting: () -> Void = {}
  ) throws(HTTPFailure) -> HTTPAnswer {
    guard Self.isReady else {
      throw HTTPFailure(.unreachable, "the library that speaks HTTP cannot be started")
    }
    let line = try take()
    defer { giveBack(line) }
    return try line.answer(to: request, within: seconds, limit: limit, waiting: waiting)
  }

  /// Ends what is under way, from any thread; later questions fail.
  package func close() {
    let busy = state.withLock { state in
      state.isClosed = true
      state.idle = []
      return Array(state.busy.values)
    }
    for line in busy { line.close() }
  }

  private func take() throws(HTTPFailure) -> HTTPLine {
    let line = state.withLock { state -> HTTPLine? in
      if state.isClosed { return nil }
      let line = state.idle.popLast() ?? HTTPLine()
      state.busy[ObjectIdentifier(line)] = line
      return line
    }
    guard let line else { throw .closed }
    return line
  }

  private func giveBack(_ line: HTTPLine) {
    state.withLock { state in
      state.busy[ObjectIdentifier(line)] = nil
      if !state.isClosed { state.idle.append(line) }
    }
  }
}

/// A question to a server.
package struct HTTPRequest: Sendable {
  package var address: HTTPAddress
  /// JSON to POST; nil for GET.
  package var json: [UInt8]?
  /// The value of the header Authorization.
  package var authorization: String?
  /// One more query parameter, with a value that no failure says.
  package var secret: (parameter: String, value: String)?

  package init(_ address: HTTPAddress, json: [UInt8]? = nil, authorization: String? = nil) {
    self.address = address
    self.json = json
    self.authorization = authorization
  }

  /// The address as it is asked.
  var whole: String {
    secret.map { address.adding(parameter: $0.parameter, value: $0.value).whole } ?? address.whole
  }
}

/// What a server answered.
package struct HTTPAnswer: Sendable {
  package var status: Int
  package var body: [UInt8]
  /// Where a redirect points to.
  package var location: String?
}

/// Why there is no answer; what it quotes has no secrets.
package struct HTTPFailure: Error, Hashable, CustomStringConvertible {
  package enum Kind: Hashable, Sendable {
    /// No connection can be made.
    case unreachable
    /// The connection ended before the answer did.
    case lost
    /// There was no whole answer in time.
    case slow
    /// The body is longer than the limit.
    case tooLong
    /// Whoever answered does not speak HTTP.
    case foreign
    /// The client was closed.
    case closed
  }

  package var kind: Kind
  package var description: String

  init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  static let closed = HTTPFailure(.closed, "it is closed")
}
