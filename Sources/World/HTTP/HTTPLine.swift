import CCurl
import Glibc
import Synchronization

/// One question after the other, each on a connection that the one before left open if it did.
///
/// Used by one thread at a time, but for ``close()``.
final class HTTPLine: @unchecked Sendable {
  // `@unchecked`: `multi` and `easy` are constants; libcurl allows `curl_multi_wakeup` from any thread.
  private let multi = curl_multi_init()
  private let easy = curl_easy_init()
  private let isClosed = Atomic<Bool>(false)

  /// Seconds of one wait, after which the caller hears that the wait goes on.
  private static let tick = 0.25

  /// What has come of a body.
  private final class Sink {
    var bytes: [UInt8] = []
    let limit: Int
    init(limit: Int) { self.limit = limit }
  }

  deinit {
    curl_easy_cleanup(easy)
    curl_multi_cleanup(multi)
  }

  /// Ends a wait.
  func close() {
    isClosed.store(true, ordering: .relaxed)
    curl_multi_wakeup(multi)
  }

  func answer(
    to request: HTTPRequest, within seconds: Double, limit: Int, waiting: () -> Void
  ) throws(HTTPFailure) -> HTTPAnswer {
    let sink = Sink(limit: limit)
    let headers = prepare(request, sink)
    defer {
      curl_slist_free_all(headers)
      curl_easy_reset(easy)
    }
    guard curl_multi_add_handle(multi, easy) == CURLM_OK else {
      throw HTTPFailure(.unreachable, "\(request.address): no memory for a connection")
    }
    defer { curl_multi_remove_handle(multi, easy) }
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
      if let code = try step(request.address) {
        guard code == CURLE_OK else { throw failure(code, request.address, sink) }
        return answer(sink)
      }
      let left = (deadline - ContinuousClock.now) / .seconds(1)
      guard left > 0 else { throw Self.slow(request.address, seconds) }
      let milliseconds = CInt((1000 * min(left, Self.tick)).rounded(.up))
      curl_multi_poll(multi, nil, 0, milliseconds, nil)
      waiting()
      if isClosed.load(ordering: .relaxed) { throw .closed }
    }
  }

  /// Does what can be done without waiting; the outcome, once there is one.
  private func step(_ address: HTTPAddress) throws(HTTPFailure) -> CURLcode? {
    var running: CInt = 0
    let verdict = curl_multi_perform(multi, &running)
    guard verdict == CURLM_OK else {
      throw HTTPFailure(.lost, "\(address): \(String(cString: curl_multi_strerror(verdict)))")
    }
    var left: CInt = 0
    while let message = curl_multi_info_read(multi, &left) {
      if message.pointee.msg == CURLMSG_DONE { return message.pointee.data.result }
    }
    return nil
  }

  /// - Returns: the headers, to be freed after the answer.
  private func prepare(_ request: HTTPRequest, _ sink: Sink) -> UnsafeMutablePointer<curl_slist>? {
    curl_set_text(easy, CURLOPT_URL, request.whole)
    curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
    // Signals are not for libraries in a process with threads.
    curl_set_number(easy, CURLOPT_NOSIGNAL, 1)
    // An answer is asked for where the user said, and nowhere else.
    curl_set_number(easy, CURLOPT_FOLLOWLOCATION, 0)
    curl_set_number(easy, CURLOPT_TCP_KEEPALIVE, 1)
    // The wait has a limit of its own.
    curl_set_number(easy, CURLOPT_CONNECTTIMEOUT_MS, 1_000_000_000)
    if request.address.isLoopback { curl_set_text(easy, CURLOPT_PROXY, "") }
    // Without `Expect: 100-continue`, for which servers of HTTP/1.0 are waited for in vain.
    var lines = ["Accept: application/json", "User-Agent: tributary", "Expect:"]
    if let json = request.json {
      lines.append("Content-Type: application/json")
      curl_set_number(easy, CURLOPT_POST, 1)
      curl_set_number(easy, CURLOPT_POSTFIELDSIZE, json.count)
      json.withUnsafeBytes { _ = curl_set_bytes(easy, CURLOPT_COPYPOSTFIELDS, $0.baseAddress) }
    }
    if let authorization = request.authorization {
      lines.append("Authorization: \(authorization)")
    }
    var headers: UnsafeMutablePointer<curl_slist>?
    for line in lines { headers = curl_slist_append(headers, line) ?? headers }
    curl_set_pointer(easy, CURLOPT_HTTPHEADER, headers)
    curl_set_pointer(easy, CURLOPT_WRITEDATA, Unmanaged.passUnretained(sink).toOpaque())
    curl_set_writer(easy) { bytes, size, count, sink in
      guard let bytes, let sink else { return 0 }
      let body = Unmanaged<Sink>.fromOpaque(sink).takeUnretainedValue()
      // One byte too many says that there are more.
      let room = max(0, body.limit + 1 - body.bytes.count)
      let taken = min(room, size * count)
      body.bytes += UnsafeRawBufferPointer(start: bytes, count: taken)
      return taken
    }
    return headers
  }

  private func answer(_ sink: Sink) -> HTTPAnswer {
    var status = 0
    curl_get_number(easy, CURLINFO_RESPONSE_CODE, &status)
    var location: UnsafeMutablePointer<CChar>?
    curl_get_text(easy, CURLINFO_REDIRECT_URL, &location)
    return HTTPAnswer(
      status: status, body: sink.bytes,
      location: location.map { HTTPAddress.masked(address: String(cString: $0)) })
  }

  // MARK: Failures

  private static func slow(_ address: HTTPAddress, _ seconds: Double) -> HTTPFailure {
    HTTPFailure(.slow, "no answer from \(address) within \(inWords(seconds)) s")
  }

  private static func inWords(_ seconds: Double) -> String {
    seconds == seconds.rounded() ? "\(Int(seconds))" : "\(seconds)"
  }

  private func failure(_ code: CURLcode, _ address: HTTPAddress, _ sink: Sink) -> HTTPFailure {
    if sink.bytes.count > sink.limit {
      return HTTPFailure(.tooLong, "the answer is longer than \(sink.limit) bytes")
    }
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST:
      return HTTPFailure(
        .unreachable, "\(address) cannot be reached: the host \(address.bareHost) is unknown")
    case CURLE_COULDNT_RESOLVE_PROXY:
      return HTTPFailure(
        .unreachable,
        "\(address) cannot be reached: the host of the proxy in"
          + " \(address.proxyVariable ?? "the environment") is unknown")
    case CURLE_COULDNT_CONNECT:
      return HTTPFailure(.unreachable, "\(address) cannot be reached\(reason)\(address.proxyNote)")
    case CURLE_OPERATION_TIMEDOUT: return HTTPFailure(.slow, "no answer from \(address)")
    case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE:
      return HTTPFailure(.lost, "\(address) closed the connection before it answered")
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
      return HTTPFailure(.foreign, "what answers at \(address) does not speak HTTP")
    case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
      CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR:
      return HTTPFailure(
        .unreachable,
        "\(address) cannot be reached by TLS: \(String(cString: curl_easy_strerror(code)))")
    default:
      return HTTPFailure(.lost, "\(address): \(String(cString: curl_easy_strerror(code)))")
    }
  }

  /// What the system said of the connection.
  private var reason: String {
    var number = 0
    curl_get_number(easy, CURLINFO_OS_ERRNO, &number)
    guard number != 0, let text = strerror(CInt(number)) else { return "" }
    let words = String(cString: text)
    return ": \(words.prefix(1).lowercased())\(words.dropFirst())"
  }
}
