package import Tensor

/// What a policy is trained on: a value and its slopes in the velocities, both in closed form.
///
/// A loss says what it needs; whoever trains gives it that and asks no further. A new loss is a type
/// of its own, and a line in the configuration's table of losses.
package protocol PolicyLoss: Sendable {
  /// Where it reads velocities.
  var rows: LossRows { get }
  var needs: LossNeeds { get }
  /// c, where ratios are clipped to 1 − c … 1 + c.
  var clip: Float? { get }
  /// Whether factors of it are held fixed, so that its gradient is not that of its value.
  var holdsFactors: Bool { get }
  /// The same where no clip binds: smooth, for comparisons with finite differences.
  var unclipped: Self { get }

  /// The loss of a batch of rows and its slopes.
  ///
  /// - Parameters:
  ///   - samples: what is known of each row.
  ///   - velocities: at the same rows; of other policies than the trained one where it needs them.
  func loss(of samples: LossSamples, at velocities: Velocities) -> LossResult
}

extension PolicyLoss {
  package var needs: LossNeeds { [] }
  package var clip: Float? { nil }
  package var holdsFactors: Bool { false }
  package var unclipped: Self { self }
}

/// Where a loss reads velocities.
package enum LossRows: Hashable, Sendable {
  /// At the branching points that are trained, as they were recorded.
  case points
  /// At K noisy versions of each outcome of the trunks.
  case outcomes(times: Int)

  /// How many rows there are.
  package func count(points: Int, outcomes: Int) -> Int {
    switch self {
    case .points: points
    case .outcomes(let times): times * outcomes
    }
  }
}

/// What a loss needs besides its rows and the velocities of the trained policy.
package struct LossNeeds: OptionSet, Hashable, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  /// Velocities of θ_old.
  package static let old = LossNeeds(rawValue: 1)
  /// Velocities of θ_ref.
  package static let reference = LossNeeds(rawValue: 2)
  /// All units of a minibatch at once: its slopes at one row depend on rows of other units.
  package static let wholeMinibatch = LossNeeds(rawValue: 4)
  /// The outcomes of a prompt at the same times and noises, because they are compared at them.
  package static let sharedNoise = LossNeeds(rawValue: 8)
}

/// What is known of the rows of a batch: of the one kind that ``PolicyLoss/rows`` names.
package struct LossSamples: Sendable {
  /// `[R]`.
  package var points: [RecordedPoint] = []
  /// R/K of them.
  package var outcomes = NoisyOutcomes()

  package init() {}
}

/// v at the rows of a batch, each `[R, D]`; empty where a loss does not need them.
package struct Velocities: Sendable {
  package var policy: Slab
  package var old: Slab
  package var reference: Slab

  package init(policy: Slab, old: Slab? = nil, reference: Slab? = nil) {
    let none = Slab(zeros: 0, columns: policy.columns)
    self.policy = policy
    self.old = old ?? none
    self.reference = reference ?? none
  }
}

/// A loss with its slopes and what there is to tell of it.
package struct LossResult: Sendable {
  /// What the value adds up from, in this order: L is the sum over the batch's rows, because a batch may
  /// be a part of what a mean is taken over.
  package var parts: [Double] = []
  /// ∂L/∂v, `[R, D]`.
  package var slopes: Slab
  /// Of losses with ratios, one entry for each row or outcome.
  package var ratios: [Ratios] = []
  /// What samples of older parameters count, of all branches; see ``ImportanceWeighted``.
  package var importance: [Float] = []

  package init(slopes: Slab) { self.slopes = slopes }

  /// L.
  package var value: Double { parts.reduce(0, +) }

  /// ρ of some samples, and how many of them the clip holds.
  package struct Ratios: Hashable, Sendable {
    package var values: [Float] = []
    package var clipped = 0

    package init(_ terms: [ClippedSurrogate.Term] = []) {
      for term in terms { add(term) }
    }

    mutating func add(_ term: ClippedSurrogate.Term) {
      values.append(term.ratio)
      if term.isClipped { clipped += 1 }
    }
  }
}
