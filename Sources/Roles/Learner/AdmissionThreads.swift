import Foundation
import Records
import Wire

/// Checks results on threads of their own: most of what a result costs the learner is to make its
/// unit's noises and states again, and neither heartbeats nor leases are to wait for that.
///
/// Verdicts may come in another order than results did: of two valid results of one unit the one whose
/// verdict comes first counts, as if it had come first.
final class AdmissionThreads: Sendable {
  /// A result whose unit is open, or was.
  struct Candidate: Sendable {
    let result: UnitResult
    let session: UInt64
    /// Who sent it; the session may be over when the verdict comes.
    let peer: SessionTable.Peer
    let payload: [UInt8]
    /// The unit is here already, and the digest alone will be compared.
    let isKnown: Bool
  }

  enum Verdict: Sendable {
    case admitted(AdmittedUnit)
    /// The bytes of a known unit have the digest that came with them.
    case digestHolds
    case invalid(String)

    var isValid: Bool { if case .invalid = self { false } else { true } }
  }

  private let candidates = Mailbox<Candidate>()
  private let running = DispatchGroup()
  private let recipe: Recipe
  private let deliver: @Sendable (Candidate, Verdict) -> Void

  /// - Parameter deliver: called on one of the threads.
  init(recipe: Recipe, deliver: @escaping @Sendable (Candidate, Verdict) -> Void) {
    self.recipe = recipe
    self.deliver = deliver
  }

  func start(_ count: Int) {
    for _ in 0..<count {
      running.enter()
      let thread = Thread { [self] in
        defer { running.leave() }
        while let candidate = candidates.next() { self.deliver(candidate, verdict(on: candidate)) }
      }
      thread.name = "admission"
      thread.start()
    }
  }

  func submit(_ candidate: Candidate) { candidates.post(candidate) }

  /// Ends the threads; what they have not looked at yet is forgotten, as if it had never come.
  func stop() {
    candidates.close()
    running.wait()
  }

  private func verdict(on candidate: Candidate) -> Verdict {
    let result = candidate.result
    do throws(AdmissionError) {
      if candidate.isKnown {
        guard Digest(of: candidate.payload) == result.digest else { throw .digest(result.unit) }
        return .digestHolds
      }
      return .admitted(
        try AdmittedUnit(
          payload: candidate.payload, digest: result.digest, unit: result.unit, recipe: recipe))
    } catch {
      return .invalid("\(error)")
    }
  }
}
