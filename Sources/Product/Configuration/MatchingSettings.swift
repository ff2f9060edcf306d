package import Objective

/// What losses on clean outcomes need: some of it together, some for one kind alone.
///
/// A file may set what belongs to another kind: it stays, and takes part in nothing.
package struct MatchingSettings: Hashable, Sendable {
  /// Of `nft`, `dgpo`, `dpo` and `crd`.
  package var beta = 1.0
  /// Of all.
  package var times = 4
  package var awm = AdvantageWeighted()
  package var nft = NegativeAware()
  package var crd = Centred()

  /// Of `awm`.
  package struct AdvantageWeighted: Hashable, Sendable {
    package var weighting = WeightingKind.uniform
    package var ratioOf = RatioKind.each

    func loss(_ surrogate: ClippedSurrogate) -> AdvantageWeightedMatching {
      AdvantageWeightedMatching(
        weighting: weighting.weighting, order: ratioOf.order, surrogate: surrogate)
    }
  }

  /// Of `nft`.
  package struct NegativeAware: Hashable, Sendable {
    package var shares = NegativeAwareFineTuning.Advantages.all

    func loss(beta: Double, bound: Double) -> NegativeAwareFineTuning {
      NegativeAwareFineTuning(beta: beta, bound: bound, advantages: shares)
    }
  }

  /// Of `crd`.
  package struct Centred: Hashable, Sendable {
    /// 0 for the hard centre, below it for the even one.
    package var temperature = -1.0
    package var fit = CentredReward.Kind.squared

    func loss(beta: Double, bound: Double) -> CentredReward {
      let centre: CentredReward.Centre =
        temperature < 0 ? .uniform : temperature == 0 ? .hard : .temperature(temperature)
      return CentredReward(centre: centre, kind: fit, beta: beta, bound: bound)
    }
  }

  static let keys: [Key] = [
    .later(
      .number("loss.beta", \.loss.matching.beta, 1e-6...1e6, "β of nft, dgpo, dpo and crd.")),
    .later(
      .integer(
        "loss.times", \.loss.matching.times, 1...1000, "K: times at which an outcome is matched.")),
    .later(
      .choice(
        "loss.weighting", \.loss.matching.awm.weighting,
        "Of awm: how an error becomes a log-density.")),
    .later(
      .choice(
        "loss.ratio_of", \.loss.matching.awm.ratioOf,
        "Of awm: one ratio for each time, or one of their mean.")),
    .later(
      .choice("loss.shares", \.loss.matching.nft.shares, "Of nft: which advantages count.")),
    .later(
      .number(
        "loss.temperature", \.loss.matching.crd.temperature, -1...1000,
        "Of crd: T of the centre's weights; 0: the hard ones, below 0: even ones.")),
    .later(.choice("loss.fit", \.loss.matching.crd.fit, "Of crd: how gains meet advantages.")),
  ]
}

/// `loss.weighting`.
package enum WeightingKind: String, CaseIterable, Sendable {
  case uniform, time
  case timeSquared = "time-squared"
  case huber, ghuber

  var weighting: AdvantageWeightedMatching.Weighting {
    switch self {
    case .uniform: .uniform
    case .time: .time
    case .timeSquared: .timeSquared
    case .huber: .huber
    case .ghuber: .generalisedHuber(power: 0.25)
    }
  }
}

/// `loss.ratio_of`.
package enum RatioKind: String, CaseIterable, Sendable {
  case each, mean

  var order: AdvantageWeightedMatching.Order {
    switch self {
    case .each: .ratioOfEach
    case .mean: .ratioOfMean
    }
  }
}
