import Dispatch
import Foundation
import FoundationNetworking
import Synchronization

/// HTTP from a thread that waits: a body or a fault, with a limit for its time and its length.
final class HTTPClient: NSObject, URLSessionDataDelegate, Sendable {
  /// A request under way.
  private final class Call: Sendable {
    let ended = DispatchSemaphore(value: 0)
    let body = Mutex<[UInt8]>([])
    let fault = Mutex<Fault?>(nil)

    /// The first fault stays.
    func fail(_ reason: Fault) { fault.withLock { $0 = $0 ?? reason } }
  }

  private let calls = Mutex<[Int: Call]>([:])
  private let session = Mutex<URLSession?>(nil)

  init(connections: Int) {
    super.init()
    let configuration = URLSessionConfiguration.ephemeral
    configuration.httpMaximumConnectionsPerHost = connections
    configuration.urlCache = nil
    configuration.httpShouldSetCookies = false
    let session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
    self.session.withLock { $0 = session }
  }

  /// The body of an answer with status 200.
  ///
  /// - Parameter posting: JSON to POST; nil for GET.
  func body(
    of address: String, posting json: [UInt8]? = nil, within timeout: Double, waiting: () -> Void
  ) throws(Fault) -> [UInt8] {
    guard let url = URL(string: address), url.host != nil else {
      throw Fault(.down, "\(address) is not an address")
    }
    guard let session = session.withLock({ $0 }) else { throw Fault(.down, "it is closed") }
    var request = URLRequest(url: url)
    // The wait below ends it; this one would begin anew with every byte.
    request.timeoutInterval = timeout + 60
    if let json {
      request.httpMethod = "POST"
      request.httpBody = Data(json)
      request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    }
    let call = Call()
    let task = session.dataTask(with: request)
    calls.withLock { $0[task.taskIdentifier] = call }
    defer { calls.withLock { $0[task.taskIdentifier] = nil } }
    task.resume()
    let deadline = DispatchTime.now() + timeout
    while call.ended.wait(timeout: min(deadline, .now() + 0.25)) == .timedOut {
      waiting()
      guard DispatchTime.now() < deadline else {
        task.cancel()
        throw Fault(
          .slow, "no answer from \(address) within \(String(format: "%g", timeout)) s")
      }
    }
    let body = call.body.withLock { $0 }
    if let fault = call.fault.withLock({ $0 }) { throw fault }
    guard let response = task.response as? HTTPURLResponse, response.statusCode == 200 else {
      let status = (task.response as? HTTPURLResponse)?.statusCode ?? 0
      throw Fault(.refused, "\(address) answered \(status): \(Question.quoted(body))")
    }
    return body
  }

  func close() {
    session.withLock { session in
      session?.invalidateAndCancel()
      session = nil
    }
  }

  // MARK: What the session tells, on a queue of its own

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    guard let call = calls.withLock({ $0[dataTask.taskIdentifier] }) else { return }
    let isTooLong = call.body.withLock { body in
      if body.count <= Question.answerLimit { body += data }
      return body.count > Question.answerLimit
    }
    guard isTooLong else { return }
    call.fail(Question.oversize)
    dataTask.cancel()
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
  ) {
    guard let call = calls.withLock({ $0[task.taskIdentifier] }) else { return }
    if let error { call.fail(Self.fault(error, task.originalRequest?.url)) }
    call.ended.signal()
  }

  /// Scores are asked for where the user said, and nowhere else.
  func urlSession(
    _ session: URLSession, task: URLSessionTask,
    willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
    completionHandler: @escaping (URLRequest?) -> Void
  ) {
    completionHandler(nil)
  }

  private static func fault(_ error: any Error, _ url: URL?) -> Fault {
    let place = url?.absoluteString ?? "the server"
    return switch (error as? URLError)?.code {
    case .cannotConnectToHost, .cannotFindHost, .dnsLookupFailed:
      Fault(.down, "\(place) cannot be reached")
    case .networkConnectionLost:
      Fault(.crashed, "\(place) closed the connection before it answered")
    case .timedOut: Fault(.slow, "no answer from \(place)")
    default: Fault(.crashed, "\(place): \(error.localizedDescription)")
    }
  }
}
