/// What an object of the shape world can be.
package enum Shape: Int, CaseIterable, Sendable {
  case circle, square, triangle

  var word: String {
    switch self {
    case .circle: "circle"
    case .square: "square"
    case .triangle: "triangle"
    }
  }

  var plural: String { word + "s" }
}

/// The palette of the shape world.
package enum Colour: Int, CaseIterable, Sendable {
  case red, green, blue, yellow, purple

  var word: String {
    switch self {
    case .red: "red"
    case .green: "green"
    case .blue: "blue"
    case .yellow: "yellow"
    case .purple: "purple"
    }
  }

  /// Red, green and blue, 0...255.
  package var rgb: SIMD3<Float> {
    switch self {
    case .red: [220, 40, 40]
    case .green: [40, 160, 60]
    case .blue: [40, 80, 220]
    case .yellow: [245, 215, 45]
    case .purple: [150, 50, 170]
    }
  }

  /// The palette colour with the smallest Euclidean distance to `rgb`, however far that is.
  static func nearest(to rgb: SIMD3<Float>) -> (colour: Colour, distance: Float) {
    var best = (colour: Colour.red, distance: Float.infinity)
    for colour in allCases {
      let difference = rgb - colour.rgb
      let distance = (difference * difference).sum().squareRoot()
      if distance < best.distance { best = (colour, distance) }
    }
    return best
  }
}

/// Where the first of two objects stands, seen from the second.
package enum Relation: Int, CaseIterable, Sendable {
  case leftOf, rightOf, above, below

  var phrase: String {
    switch self {
    case .leftOf: "left of"
    case .rightOf: "right of"
    case .above: "above"
    case .below: "below"
    }
  }

  /// The word that stands for the relation in a token list: the phrase without "of".
  var word: String {
    switch self {
    case .leftOf: "left"
    case .rightOf: "right"
    case .above: "above"
    case .below: "below"
    }
  }

  /// The same fact told of the other object: A left of B is B right of A.
  var converse: Relation {
    switch self {
    case .leftOf: .rightOf
    case .rightOf: .leftOf
    case .above: .below
    case .below: .above
    }
  }

  /// How far an object goes in this direction when it moves by (`dx`, `dy`); y grows downwards.
  func distance(dx: Float, dy: Float) -> Float {
    switch self {
    case .leftOf: -dx
    case .rightOf: dx
    case .above: -dy
    case .below: dy
    }
  }
}
