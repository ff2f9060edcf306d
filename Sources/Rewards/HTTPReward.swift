package import Tasks

/// A server that scores pictures: `GET /health` and `POST /compute`.
///
/// With a concurrency of n, n requests are under way at once, each with a share of the batch.
package final class HTTPReward: Reward {
  package let source: RewardSource
  private let task: any Task
  private let address: String
  private let client: HTTPClient

  /// - Parameter address: such as `http://127.0.0.1:8000`; the two paths are put behind it.
  package init(_ address: String, source: RewardSource, task: some Task) {
    self.source = source
    self.task = task
    self.address = address.hasSuffix("/") ? String(address.dropLast()) : address
    client = HTTPClient(connections: source.concurrency)
  }

  package func scores(of exhibits: [Exhibit], waiting: @escaping @Sendable () -> Void)
    throws(RewardFailure) -> [Float]
  {
    try Shares(source: source).scores(of: exhibits) {
      [source, task, address, client] (_, share) throws(Fault) in
      let question = try Question(about: share, input: source.input, task: task)
      let answer = try client.body(
        of: "\(address)/compute", posting: question.json, within: source.timeout,
        waiting: waiting)
      return try question.scores(in: answer)
    }
  }

  /// Whether the server says that it is well; a server without `/health` says it by answering.
  package func checkHealth() throws(Fault) {
    do throws(Fault) {
      _ = try client.body(of: "\(address)/health", within: min(source.timeout, 5)) {}
    } catch {
      if error.kind != .refused { throw error }
    }
  }

  package func close() { client.close() }
}
