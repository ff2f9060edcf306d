import Bytes
package import Flow
import Foundation
package import Learning
package import Records
import Tensor
import Transport
package import Wire

/// Checks results on threads of their own: most of what a result costs the learner is to make its
/// unit's noises and states, and some of its velocities, again, and neither heartbeats nor leases are to
/// wait for that.
///
/// Verdicts may come in another order than results did: of two valid results of one unit the one whose
/// verdict comes first counts, as if it had come first.
package final class AdmissionThreads: Sendable {
  /// A result whose unit is open, or was.
  package struct Candidate: Sendable {
    package let result: UnitResult
    package let session: UInt64
    /// Who sent it; the session may be over when the verdict comes.
    let peer: SessionTable.Peer
    package let payload: [UInt8]
    package let question: Question

    /// Whether its unit was not known when it came, and it may be the result that counts.
    var isFirst: Bool {
      switch question {
      case .worth, .part: true
      case .digest, .doubt: false
      }
    }
  }

  /// What is asked about a result.
  package enum Question: Sendable {
    /// The unit is here already, and the digest alone will be compared.
    case digest
    /// Whether it is its unit, made with these parameters.
    case worth(ParameterSet, UnitCheck.Extent)
    /// The same of a part of an evaluation.
    case part(EvaluationUnit, ParameterSet)
    /// Whether a unit that was chosen holds in every number; its sender sent one that does not.
    case doubt(AdmittedUnit, ParameterSet)
  }

  package enum Verdict: Sendable {
    case admitted(AdmittedUnit)
    case evaluated(EvaluatedPart)
    /// The bytes of a known unit have the digest that came with them.
    case digestHolds
    /// It is not well made.
    case invalid(String)
    /// It is well made, of other numbers than its parameters lead to.
    case deviates(String)
    /// The model, which was to make some of its numbers again, did not answer, or the journal; a sentence says why.
    case unknown(String)

    var isValid: Bool {
      switch self {
      case .admitted, .evaluated, .digestHolds: true
      case .invalid, .deviates, .unknown: false
      }
    }
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

  func start(_ count: Int) throws(ThreadRefused) {
    for _ in 0..<count {
      running.enter()
      do throws(ThreadRefused) {
        try ThreadStart.run("admission") { [self] in
          defer { running.leave() }
          let check = UnitCheck(recipe)
          while let candidate = candidates.next() {
            self.deliver(candidate, verdict(on: candidate, check))
          }
        }
      } catch {
        running.leave()
        stop()
        throw error
      }
    }
  }

  func submit(_ candidate: Candidate) { candidates.post(candidate) }

  /// Ends the threads; what they have not looked at yet is forgotten, as if it had never come.
  func stop() {
    candidates.close()
    running.wait()
  }

  private func verdict(on candidate: Candidate, _ check: UnitCheck) -> Verdict {
    let result = candidate.result
    var generator = SystemRandomNumberGenerator()
    /// - Parameter deviation: what is wrong with it, in one clause.
    func verdict(
      _ whole: Verdict, unless deviation: () throws -> String?
    ) -> Verdict {
      do {
        return try deviation().map { .deviates($0) } ?? whole
      } catch {
        return .unknown("\(error)")
      }
    }
    do throws(AdmissionError) {
      switch candidate.question {
      case .digest:
        guard Digest(of: candidate.payload) == result.digest else { throw .digest(result.unit) }
        return .digestHolds
      case .worth(let weights, let extent):
        let unit = try AdmittedUnit(
          payload: candidate.payload, digest: result.digest, unit: result.unit, recipe: recipe)
        return verdict(.admitted(unit)) {
          try check.deviation(
            of: unit.rebuilt.whole(), weights: weights, extent: extent, using: &generator)
        }
      case .part(let unit, let weights):
        let part = try EvaluatedPart(
          payload: candidate.payload, digest: result.digest, unit: unit, recipe: recipe)
        return verdict(.evaluated(part)) {
          try check.deviation(of: part, weights: weights, using: &generator)
        }
      case .doubt(let unit, let weights):
        return verdict(.admitted(unit)) {
          try check.deviation(
            of: unit.rebuilt.whole(), weights: weights, extent: .whole, using: &generator)
        }
      }
    } catch {
      return .invalid("\(error)")
    }
  }
}
