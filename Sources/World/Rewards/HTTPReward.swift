import Foundation
import HTTP
package import Programs
package import Tasks

/// A server that scores pictures: `GET /health` and `POST /compute`.
///
/// With a concurrency of n, n requests are under way at once, each with a share of the batch.
package final class HTTPReward: Reward {
  package let source: RewardSource
  private let task: any Task
  private let address: Result<HTTPAddress, HTTPAddressError>
  private let client = HTTPClient()

  /// - Parameter address: such as `http://127.0.0.1:8000`; `/compute` is put behind its path, before a
  ///   query, unless the path ends in it.
  package init(_ address: String, source: RewardSource, task: some Task) {
    self.source = source
    self.task = task
    self.address = Result { () throws(HTTPAddressError) in try HTTPAddress(address) }
  }

  package func scores(of exhibits: [Exhibit], waiting: @escaping @Sendable () -> Void)
    throws(RewardFailure) -> [Float]
  {
    try Shares(source: source).scores(of: exhibits) { [self, task] (_, share) throws(Fault) in
      let question = try Question(about: share, input: source.input, task: task)
      let address = try server().appending("compute")
      let token = try source.token?.read()
      let answer = try body(
        of: address, json: question.json, token, within: source.timeout, waiting: waiting)
      do throws(Fault) {
        return try question.scores(in: answer)
      } catch {
        guard let token, error.quote != nil else { throw error }
        // What is quoted is the beginning of an answer that may repeat the token.
        _ = try question.scores(in: Self.hiding(token, in: answer))
        throw Fault(error.kind, error.outline)
      }
    }
  }

  /// Whether the server says that it is well; a server without `/health` says it by answering.
  package func checkHealth() throws(Fault) {
    let address = try server().replacing("compute", by: "health")
    do throws(Fault) {
      _ = try body(
        of: address, json: nil, source.token?.read(), within: min(source.timeout, 5)
      ) {}
    } catch {
      if error.kind != .refused { throw error }
    }
  }

  package func close() { client.close() }

  private static func hiding(_ token: String, in body: [UInt8]) -> [UInt8] {
    Array(RewardToken.hiding(token, in: String(decoding: body, as: UTF8.self)).utf8)
  }

  private func server() throws(Fault) -> HTTPAddress {
    switch address {
    case .success(let address): return address
    case .failure(let error): throw Fault(.down, "\(error)")
    }
  }

  /// The body of an answer with status 200.
  private func body(
    of address: HTTPAddress, json: [UInt8]?, _ token: String?, within seconds: Double,
    waiting: () -> Void
  ) throws(Fault) -> [UInt8] {
    var request = HTTPRequest(address, json: json)
    if let token, let parameter = source.token?.parameter {
      request.secret = (parameter, token)
    } else {
      request.authorization = token.map(RewardToken.header)
    }
    let answer: HTTPAnswer
    do throws(HTTPFailure) {
      answer = try client.answer(
        to: request, within: seconds, limit: Question.answerLimit, waiting: waiting)
    } catch {
      throw Fault(error)
    }
    guard answer.status != 200 else { return answer.body }
    // Some servers repeat what they were sent.
    let place = answer.location.map { place in
      token.map { RewardToken.hiding($0, in: place) } ?? place
    }
    let body = token.map { Self.hiding($0, in: answer.body) } ?? answer.body
    if let place {
      throw Fault(
        .refused,
        "\(address) answered \(answer.status) and sends to another address, which is not followed: write"
          + " that one, if you trust it", quoting: place)
    }
    throw Fault(
      .refused, "\(address) answered \(answer.status)\(address.proxyNote)",
      quoting: Fault.beginning(of: body))
  }
}

extension Fault {
  fileprivate init(_ failure: HTTPFailure) {
    switch failure.kind {
    case .closed: self = .closed
    case .unreachable: self.init(.down, failure.description)
    case .lost: self.init(.crashed, failure.description)
    case .slow: self.init(.slow, failure.description)
    case .tooLong: self.init(.oversize, failure.description)
    case .foreign: self.init(.garbage, failure.description)
    }
  }
}
