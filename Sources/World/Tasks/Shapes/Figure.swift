/// One object of a latent, decoded.
///
/// The canvas is the unit square, y grows downwards. A token is 10 numbers on a ±1 scale:
///
///     0      presence: drawn iff > 0
///     1, 2   centre = 0.5 + 0.4 · value
///     3      radius = 0.12 + 0.03 · value, kept within 0.02...0.4
///     4...6  scores of circle, square, triangle: the largest one wins
///     7...9  red, green, blue = 127.5 · (1 + value), kept within 0...255
///
/// A circle has this radius, a square the half-side 0.9 r, a triangle points up and has the
/// circumradius 1.3 r; the centre is the centroid of each.
package struct Figure: Sendable {
  package static let channels = 10

  package var shape: Shape
  package var x: Float
  package var y: Float
  package var radius: Float
  package var rgb: SIMD3<Float>

  /// The object of a token, or nil if it is absent or any of its numbers is not finite.
  package init?(token: ArraySlice<Float>) {
    precondition(token.count == Self.channels, "a token has 10 channels, not \(token.count)")
    let first = token.startIndex
    guard token[first] > 0 else { return nil }
    for value in token where !value.isFinite { return nil }
    x = 0.5 + 0.4 * token[first + 1]
    y = 0.5 + 0.4 * token[first + 2]
    radius = min(max(0.12 + 0.03 * token[first + 3], 0.02), 0.4)
    shape = .circle
    if token[first + 5] > token[first + 4] { shape = .square }
    if token[first + 6] > max(token[first + 4], token[first + 5]) { shape = .triangle }
    let unit = SIMD3(token[first + 7], token[first + 8], token[first + 9])
    rgb = (127.5 * (unit + 1)).clamped(lowerBound: .zero, upperBound: .init(repeating: 255))
  }

  /// The figures of a latent `[tokens, 10]` in drawing order.
  package static func all(in latent: [Float]) -> [Figure] {
    precondition(latent.count % channels == 0, "a latent has 10 channels a token")
    return stride(from: 0, to: latent.count, by: channels).compactMap {
      Figure(token: latent[$0..<$0 + channels])
    }
  }

  /// How far the outline reaches from the centre to the sides, up and down, in radii.
  static func reach(of shape: Shape) -> (side: Float, up: Float, down: Float) {
    switch shape {
    case .circle: (1, 1, 1)
    case .square: (0.9, 0.9, 0.9)
    case .triangle: (1.125_833, 1.3, 0.65)
    }
  }

  /// Whether the outline reaches over the edge of the canvas.
  var crossesEdge: Bool {
    let reach = Self.reach(of: shape)
    return x - reach.side * radius < 0 || x + reach.side * radius > 1
      || y - reach.up * radius < 0 || y + reach.down * radius > 1
  }

  /// The signed distance from the outline, negative inside; corners are those of the edge lines.
  @inline(__always)
  func signedDistance(dx: Float, dy: Float) -> Float {
    switch shape {
    case .circle: (dx * dx + dy * dy).squareRoot() - radius
    case .square: max(abs(dx), abs(dy)) - 0.9 * radius
    case .triangle: max(dy, 0.866_025_4 * abs(dx) - 0.5 * dy) - 0.65 * radius
    }
  }
}
