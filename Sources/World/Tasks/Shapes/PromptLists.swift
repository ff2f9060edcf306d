extension Request {
  /// Every request of a category, in a fixed order.
  static func all(of category: Category) -> [Request] {
    let shapes = Shape.allCases
    let pairs = shapes.flatMap { a in shapes.filter { $0 != a }.map { (a, $0) } }
    switch category {
    case .singleObject:
      return shapes.map { Request(Item(shape: $0)) }
    case .twoObject:
      return pairs.map { Request(Item(shape: $0), nil, Item(shape: $1)) }
    case .counting:
      return (2...4).flatMap { count in shapes.map { Request(Item(shape: $0), count: count) } }
    case .colors:
      return Colour.allCases.flatMap { colour in
        shapes.map { Request(Item(shape: $0, colour: colour)) }
      }
    case .position:
      return Relation.allCases.flatMap { relation in
        pairs.map { Request(Item(shape: $0), relation, Item(shape: $1)) }
      }
    case .colorAttribution:
      return pairs.flatMap { a, b in
        Colour.allCases.flatMap { first in
          Colour.allCases.filter { $0 != first }.map { second in
            Request(Item(shape: a, colour: first), nil, Item(shape: b, colour: second))
          }
        }
      }
    }
  }

  /// Whether the combination is kept out of training.
  ///
  /// The rule speaks of what is seen and not of how it is said: "a circle and a triangle" goes
  /// together with "a triangle and a circle", "left of" with "right of" the other way round.
  ///
  ///     two_object   circle with triangle                                      2 of 6
  ///     counting     two triangles, four circles                               2 of 9
  ///     colors       colour = (2 · shape + 2) mod 5                            3 of 15
  ///     position     circle left of triangle, square above circle              4 of 24
  ///     color_attr   colour of the lower shape + 2 · colour of the other one
  ///                  + index of the missing shape is a multiple of 5           24 of 120
  package var isHeldOut: Bool {
    switch category {
    case .singleObject:
      return false
    case .twoObject:
      return missingShape == Shape.square.rawValue
    case .counting:
      return (count, first.shape) == (2, .triangle) || (count, first.shape) == (4, .circle)
    case .colors:
      return first.colour?.rawValue == (2 * first.shape.rawValue + 2) % Colour.allCases.count
    case .position:
      guard let relation, let second else { return false }
      let isTurned = relation == .rightOf || relation == .below
      let (a, b) = isTurned ? (second.shape, first.shape) : (first.shape, second.shape)
      return (isTurned ? relation.converse : relation) == .leftOf
        ? (a, b) == (.circle, .triangle) : (a, b) == (.square, .circle)
    case .colorAttribution:
      guard let second, let a = first.colour?.rawValue, let b = second.colour?.rawValue else {
        return false
      }
      let ordered = first.shape.rawValue < second.shape.rawValue
      return ((ordered ? a + 2 * b : b + 2 * a) + missingShape) % Colour.allCases.count == 0
    }
  }

  /// The index of the shape that is in neither of two objects.
  private var missingShape: Int { 3 - first.shape.rawValue - (second?.shape.rawValue ?? 0) }

  /// Every request that may be trained on, grouped by category.
  static let train = Category.allCases.flatMap { all(of: $0).filter { !$0.isHeldOut } }

  /// 64 requests of each category; every third one is a combination kept out of training, where
  /// the category has any.
  ///
  /// Lists are walked in steps of 37, which is prime to all their lengths.
  static let heldOut = Category.allCases.flatMap { category in
    let all = all(of: category)
    let seen = all.filter { !$0.isHeldOut }
    let unseen = all.filter(\.isHeldOut)
    return (0..<64).map { index in
      index % 3 == 2 && !unseen.isEmpty
        ? unseen[37 * (index / 3) % unseen.count]
        : seen[37 * (unseen.isEmpty ? index : index - index / 3) % seen.count]
    }
  }
}
