/// One thing that a request asks for, with what was found.
enum Condition {
  case presence(Shape, found: Bool)
  case colour(Request.Item, found: Bool)
  case count(Shape, found: Int, asked: Int)
  /// `actual` is nil if one of the two is missing.
  case relation(Shape, Shape, met: Bool, actual: Relation?)

  /// The least distance of two centroids along the axis of a relation, on the unit canvas.
  private static let relationDistance: Float = 0.1

  /// How far it is met, 0...1.
  var share: Float {
    switch self {
    case .presence(_, let found), .colour(_, let found): found ? 1 : 0
    case .count(_, let found, let asked): max(0, 1 - Float(abs(found - asked)) / Float(asked))
    case .relation(_, _, let met, _): met ? 1 : 0
    }
  }

  /// Nil if it is met.
  var reason: String? {
    guard share < 1 else { return nil }
    switch self {
    case .presence(let shape, _): return "no \(shape.word)"
    case .colour(let item, _): return "no \(item.words.joined(separator: " "))"
    case .count(let shape, let found, let asked):
      return "\(found) \(found == 1 ? shape.word : shape.plural) found, \(asked) asked"
    case .relation(let first, let second, _, let actual):
      guard let actual else { return nil }
      return "\(first.word) is \(actual.phrase) the \(second.word)"
    }
  }

  /// The conditions of a request, 1...4 of them.
  static func all(of request: Request, among blobs: [Blob]) -> [Condition] {
    let first = request.first
    if request.count > 1 {
      let found = blobs.count { $0.shape == first.shape }
      return [.count(first.shape, found: found, asked: request.count)]
    }
    var conditions = presence(of: first, among: blobs)
    if let second = request.second {
      conditions += presence(of: second, among: blobs)
      if let relation = request.relation {
        conditions.append(self.relation(first.shape, relation, second.shape, among: blobs))
      }
    }
    return conditions
  }

  private static func presence(of item: Request.Item, among blobs: [Blob]) -> [Condition] {
    let alike = blobs.filter { $0.shape == item.shape }
    let presence = Condition.presence(item.shape, found: !alike.isEmpty)
    guard item.colour != nil else { return [presence] }
    return [presence, .colour(item, found: alike.contains { $0.colour == item.colour })]
  }

  /// Met if any pair meets it; otherwise the first pair says what is there instead.
  private static func relation(
    _ first: Shape, _ relation: Relation, _ second: Shape, among blobs: [Blob]
  ) -> Condition {
    var actual: Relation?
    for a in blobs where a.shape == first {
      for b in blobs where b.shape == second {
        let (dx, dy) = (a.x - b.x, a.y - b.y)
        if relation.distance(dx: dx, dy: dy) >= relationDistance {
          return .relation(first, second, met: true, actual: relation)
        }
        if actual == nil {
          actual = abs(dx) > abs(dy) ? (dx < 0 ? .leftOf : .rightOf) : (dy < 0 ? .above : .below)
        }
      }
    }
    return .relation(first, second, met: false, actual: actual)
  }
}
