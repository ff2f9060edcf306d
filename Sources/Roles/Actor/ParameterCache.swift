package import Flow
package import Records
import Tensor
package import Wire

/// The parameters that an actor has, and the pull of those that it lacks, one version at a time.
package struct ParameterCache: Sendable {
  package typealias Instant = ContinuousClock.Instant

  /// What to ask the learner about a version.
  package struct Question: Hashable, Sendable {
    package var version: PolicyVersion
    /// For the shorter form of its chunks; nil where there is none.
    package var packing: PackingRequest?
  }

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

  private enum Progress: Sendable {
    case nothing
    /// What was asked, and what has come of it.
    case asked(Question, Manifest?, Packing?)
    case pulling(ParameterPull)
  }

  private static let keptVersions = 3

  private var kept: [(hash: Digest, version: PolicyVersion, weights: ParameterSet)] = []
  private var progress = Progress.nothing
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
  package mutating func forgetQuestions() { progress = .nothing }

  /// What to ask about this version now; nil while another is pulled.
  ///
  /// - Parameter isPacked: whether the learner has shorter forms of chunks.
  package mutating func ask(for version: PolicyVersion, isPacked: Bool = false, now: Instant)
    -> Question?
  {
    guard case .nothing = progress else { return nil }
    let base = kept.last { !$0.version.isAveraged }?.hash
    let question = Question(
      version: version,
      packing: isPacked ? PackingRequest(version: version, base: base) : nil)
    progress = .asked(question, nil, nil)
    lastAsked = now
    return question
  }

  /// Whether a question has waited longer than `patience` for its answer.
  package func isOverdue(now: Instant, patience: Duration) -> Bool {
    if case .nothing = progress { return false }
    guard let lastAsked else { return false }
    return lastAsked.duration(to: now) > patience
  }

  /// - Parameter expectedCount: the parameters of the run's network.
  package mutating func take(_ manifest: Manifest, expectedCount: Int, now: Instant)
    throws(RunFailure) -> Answer
  {
    guard case .asked(let question, nil, let packing) = progress,
      manifest.version == question.version
    else { return .ignored }
    if manifest.chunks.isEmpty {
      progress = .nothing
      return .gone(manifest.version)
    }
    // Before anything is allocated or waited for.
    try ParameterPull.check(manifest, expectedCount: expectedCount)
    progress = .asked(question, manifest, packing)
    return begin(now: now)
  }

  package mutating func take(_ packing: Packing, now: Instant) -> Answer {
    guard case .asked(let question, let manifest, nil) = progress,
      packing.version == question.version, question.packing != nil
    else { return .ignored }
    progress = .asked(question, manifest, packing)
    return begin(now: now)
  }

  /// Asks for the chunks once all that was asked about them is known.
  private mutating func begin(now: Instant) -> Answer {
    guard case .asked(let question, let manifest?, let packing) = progress,
      question.packing == nil || packing != nil
    else { return .ignored }
    let base = packing?.base.flatMap { weights($0) }
    var pull = ParameterPull(manifest, packing: packing, base: base)
    let first = pull.requests()
    progress = .pulling(pull)
    lastAsked = now
    return .ask(first)
  }

  package mutating func take(_ chunk: Chunk, payload: [UInt8], now: Instant) -> Answer {
    guard case .pulling(var pull) = progress else { return .ignored }
    // Not twice in memory while it is written to.
    progress = .nothing
    let step = pull.received(chunk, payload: payload)
    progress = .pulling(pull)
    guard let step else { return .ignored }
    lastAsked = now
    switch step {
    case .ask(let requests): return .ask(requests)
    case .wait: return .ignored
    case .failed(let reason): return .failed(reason)
    case .gone:
      // A version may be withdrawn while it is pulled; the next lease names what there is.
      progress = .nothing
      return .gone(pull.version)
    case .done(let set):
      kept.append((pull.paramsHash, pull.version, set))
      if kept.count > Self.keptVersions { kept.removeFirst() }
      progress = .nothing
      return .done
    }
  }
}
