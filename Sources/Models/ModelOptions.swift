package import Programs

/// How a model's program is run: nothing of it decides numbers but the seed.
package struct ModelOptions: Hashable, Sendable {
  /// Seconds until an answer must be there; the first of each kind may take ten times as long.
  package var timeout = 120.0
  /// How often one question is asked again, of a new process.
  package var retries = 2
  /// See ``ModelContract/Exactness/tolerance``, of a program whose rows depend on their batch.
  package var tolerance: Float = 1e-3
  /// Processes that a learner asks at once.
  package var processes = 1
  /// Variables of each of them.
  package var variables: PlacedVariables?
  /// For whatever the program draws at its start, 0 ..< 2³¹.
  package var seed: UInt64 = 0
  /// What ``ModelQuestion`` says of this program.
  package var release = ""

  package init() {}
}

/// Who asks a model's program.
package enum ModelRole: String, Sendable {
  case actor, learner, check
}
