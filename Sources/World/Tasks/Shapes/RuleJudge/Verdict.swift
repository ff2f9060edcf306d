/// The training reward of the shape world, from pixels and request alone.
///
///     soft   = mean share of the conditions, × 0.7 if an object is too many or not proper
///     strict = every condition is met, nothing is too many, everything is proper
///
/// An object is proper if it stands alone, wholly inside, is large enough to see, has one colour,
/// near the palette, and one of the three shapes.
struct Verdict {
  private let conditions: [Condition]
  /// Objects beyond those that were asked for or that a count already speaks of.
  private let extra: Int
  private let flaws: [Blob.Flaw]

  init(on picture: Picture, for request: Request) {
    let blobs = Blob.all(in: picture)
    conditions = Condition.all(of: request, among: blobs)
    var expected = request.total
    if case .count(_, let found, let asked) = conditions[0] { expected = max(found, asked) }
    extra = max(0, blobs.count - expected)
    flaws = blobs.flatMap(\.flaws)
  }

  var soft: Float {
    let share = conditions.reduce(0) { $0 + $1.share } / Float(conditions.count)
    return extra == 0 && flaws.isEmpty ? share : 0.7 * share
  }

  var strict: Bool { extra == 0 && flaws.isEmpty && conditions.allSatisfy { $0.share == 1 } }

  var reasons: [String] {
    var reasons = conditions.compactMap(\.reason)
    if extra > 0 { reasons.append("\(extra) object\(extra == 1 ? "" : "s") too many") }
    var told: Set<Blob.Flaw> = []
    for flaw in flaws where told.insert(flaw).inserted { reasons.append(flaw.sentence) }
    return reasons
  }
}

extension Blob.Flaw {
  var sentence: String {
    switch self {
    case .cutOff: "an object reaches the edge"
    case .tiny: "an object is too small"
    case .severalColours: "objects touch or overlap"
    case .unknownColour: "colour off the palette"
    case .unknownShape: "an object has no known shape"
    }
  }
}
