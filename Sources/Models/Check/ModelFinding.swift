/// One line of a program's examination: what was measured and what is allowed.
package struct ModelFinding: Sendable {
  package enum Verdict: String, Sendable {
    case ok
    case failed
    /// The contract promises it.
    case broken = "promise not kept"
    /// It does not hold, and nobody said that it does.
    case unpromised = "not promised"
    /// It needs somebody's eyes.
    case doubtful = "look at this"
    case information
  }

  package let name: String
  package let verdict: Verdict
  package let measured: String
  /// Empty where anything is.
  package let allowed: String
  /// What is the likely cause, or what to do; empty where there is nothing to say.
  package var advice: String
  /// What was measured, as numbers.
  package var values: [String: Double]

  init(
    _ name: String, _ verdict: Verdict, _ measured: String, allowed: String = "",
    advice: String = "", values: [String: Double] = [:]
  ) {
    self.name = name
    self.verdict = verdict
    self.measured = measured
    self.allowed = allowed
    self.advice = advice
    self.values = values
  }

  package var isHealthy: Bool { verdict != .failed && verdict != .broken }
}
