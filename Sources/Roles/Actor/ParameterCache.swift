package import Flow
package import Records
import Tensor
package import Wire

/// The parameters that an actor has, and the pull of those that it lacks, one version at a time.
package struct ParameterCache: Sendable {
  package typealias Instant = ContinuousClock.Instant

  package enum Answer: Sendable {
    case ask([ChunkRequest])
    /// The learner does not keep this version any more.
    case gone(PolicyVersion)
    /// All of it is here.
    case done
    case failed(String)
    /// Nobody asked for it, or more is to come.
    case ignored
  }

  private static let keptVersions = 3

  private var kept: [(hash: Digest, version: PolicyVersion, weights: ParameterSet)] = []
  private var pull: ParameterPull?
  private var asked: PolicyVersion?
  private var lastAsked: Instant?

  package init() {}

  /// The version that came last, of training's.
  package var newest: PolicyVersion {
    kept.last { !$0.version.isAveraged }?.version ?? PolicyVersion(0)
  }

  package func weights(_ hash: Digest) -> ParameterSet? { kept.first { $0.hash == hash }?.weights }

  /// What is here is not to be trusted any more: it is pulled anew.
  package mutating func forget() { kept = [] }

  /// A new connection: what was asked for on the old one is not coming.
  package mutating func forgetQuestions() {
    pull = nil
    asked = nil
  }

  /// Whether to send a request for this version's manifest now: one pull at a time.
  package mutating func ask(for version: PolicyVersion, now: Instant) -> Bool {
    guard asked == nil else { return false }
    asked = version
    lastAsked = now
    return true
  }

  /// Whether a question has waited longer than `patience` for its answer.
  package func isOverdue(now: Instant, patience: Duration) -> Bool {
    guard asked != nil, let lastAsked else { return false }
    return lastAsked.duration(to: now) > patience
  }

  /// - Parameter expectedCount: the parameters of the run's network.
  package mutating func take(_ manifest: Manifest, expectedCount: Int, now: Instant)
    throws(RunFailure) -> Answer
  {
    guard manifest.version == asked, pull == nil else { return .ignored }
    if manifest.chunks.isEmpty {
      asked = nil
      return .gone(manifest.version)
    }
    let started = try ParameterPull(manifest, expectedCount: expectedCount)
    pull = started
    lastAsked = now
    return .ask(started.first)
  }

  package mutating func take(_ chunk: Chunk, payload: [UInt8], now: Instant) -> Answer {
    guard var current = pull, let step = current.received(chunk, payload: payload) else {
      return .ignored
    }
    pull = current
    lastAsked = now
    switch step {
    case .ask(let request): return .ask([request])
    case .wait: return .ignored
    case .failed(let reason): return .failed(reason)
    case .done(let set):
      kept.append((current.paramsHash, current.version, set))
      if kept.count > Self.keptVersions { kept.removeFirst() }
      forgetQuestions()
      return .done
    }
  }
}
