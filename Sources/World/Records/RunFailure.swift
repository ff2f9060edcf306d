/// Why a command ends other than well: one sentence and the exit code that supervisors act on.
package struct RunFailure: Error, CustomStringConvertible {
  package enum Code: Int32, CaseIterable, Sendable {
    /// A golden case failed.
    case golden = 1
    /// A check or a replay did not match.
    case mismatch = 4
    /// Wrong usage or configuration.
    case usage = 64
    /// The learner cannot be reached.
    case unreachable = 69
    case `internal` = 70
    /// The disk refused.
    case disk = 74
    /// Please start me again.
    case restart = 75
    /// The learner does not let this actor in, or is not the one that its key is for.
    case notAuthorised = 77
    /// Another protocol, model, configuration or numerics class: starting again does not help.
    case incompatible = 78
    /// Interrupted; the state is saved.
    case interrupted = 130
  }

  package var code: Code
  package var description: String

  package init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
