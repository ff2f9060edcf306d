/// Objects placed so that a request is met: well inside, apart from each other, one token each in
/// the order of mention.
///
/// Colours that the request leaves open are drawn evenly; sizes and positions evenly among those
/// that fit.
struct Layout {
  private struct Placed {
    var shape: Shape
    var colour: Colour
    /// The token's x, y and size, ±1.
    var x: Float
    var y: Float
    var size: Float
  }

  /// The least distance from an outline to the edge of the canvas, and between two bounding boxes.
  private static let edgeMargin: Float = 0.06
  private static let gap: Float = 0.09
  /// The least distance of two centres along the axis of a relation.
  private static let relationDistance: Float = 0.18

  private var placed: [Placed] = []

  init(of request: Request, using generator: inout some RandomNumberGenerator) {
    let items = request.items.map { item in
      (item.shape, item.colour ?? Colour.allCases[Int.random(in: 0..<5, using: &generator)])
    }
    for _ in 0..<1000 {
      placed = items.map { shape, colour in
        let size = Float.random(in: -0.9...0.9, using: &generator)
        let radius = 0.12 + 0.03 * size
        let reach = Figure.reach(of: shape)
        let low = Self.edgeMargin
        let x = Float.random(
          in: low + reach.side * radius...1 - low - reach.side * radius, using: &generator)
        let y = Float.random(
          in: low + reach.up * radius...1 - low - reach.down * radius, using: &generator)
        return Placed(
          shape: shape, colour: colour, x: (x - 0.5) / 0.4, y: (y - 0.5) / 0.4, size: size)
      }
      if isTidy(for: request.relation) { return }
    }
    placeOnGrid(items, for: request.relation)
  }

  private func isTidy(for relation: Relation?) -> Bool {
    for second in placed.indices {
      for first in 0..<second where !areApart(placed[first], placed[second]) { return false }
    }
    guard let relation else { return true }
    let dx = 0.4 * (placed[0].x - placed[1].x)
    let dy = 0.4 * (placed[0].y - placed[1].y)
    return relation.distance(dx: dx, dy: dy) >= Self.relationDistance
  }

  private func areApart(_ a: Placed, _ b: Placed) -> Bool {
    let (reachA, reachB) = (Figure.reach(of: a.shape), Figure.reach(of: b.shape))
    let (radiusA, radiusB) = (0.12 + 0.03 * a.size, 0.12 + 0.03 * b.size)
    let dx = 0.4 * abs(a.x - b.x)
    if dx >= reachA.side * radiusA + reachB.side * radiusB + Self.gap { return true }
    let (upper, lower) = a.y < b.y ? (a, b) : (b, a)
    let dy = 0.4 * (lower.y - upper.y)
    let down = Figure.reach(of: upper.shape).down * (0.12 + 0.03 * upper.size)
    let up = Figure.reach(of: lower.shape).up * (0.12 + 0.03 * lower.size)
    return dy >= down + up + Self.gap
  }

  /// The layout for a generator that never finds one: the quarters of the canvas.
  private mutating func placeOnGrid(_ items: [(Shape, Colour)], for relation: Relation?) {
    var quarters: [(Float, Float)] = [(-0.55, -0.55), (0.55, 0.55), (0.55, -0.55), (-0.55, 0.55)]
    if relation == .rightOf || relation == .below { quarters.swapAt(0, 1) }
    placed = zip(items, quarters).map { item, quarter in
      Placed(shape: item.0, colour: item.1, x: quarter.0, y: quarter.1, size: 0)
    }
  }

  /// The latent `[tokens, 10]`; all but the place and size of an object has an even jitter of
  /// ±0.04.
  ///
  /// An absent token is −1 and zeros, so a flow has one point to send it to.
  func latent(tokens: Int, using generator: inout some RandomNumberGenerator) -> [Float] {
    var latent = [Float](repeating: 0, count: tokens * Figure.channels)
    for token in 0..<tokens { latent[token * Figure.channels] = -1 }
    for (token, object) in placed.enumerated() {
      let first = token * Figure.channels
      latent[first] = 1
      for shape in Shape.allCases {
        latent[first + 4 + shape.rawValue] = shape == object.shape ? 1 : -1
      }
      let rgb = object.colour.rgb / 127.5 - 1
      for channel in 0..<3 { latent[first + 7 + channel] = rgb[channel] }
    }
    for index in latent.indices { latent[index] += .random(in: -0.04...0.04, using: &generator) }
    for (token, object) in placed.enumerated() {
      let first = token * Figure.channels
      (latent[first + 1], latent[first + 2], latent[first + 3]) = (object.x, object.y, object.size)
    }
    return latent
  }
}
