import Tasks

/// A latent of shapes that is edited object by object; an object is the index of its token.
struct Scene {
  var latent: [Float]

  init(_ latent: [Float]) { self.latent = latent }

  subscript(_ object: Int, _ channel: Int) -> Float {
    get { latent[10 * object + channel] }
    set { latent[10 * object + channel] = newValue }
  }

  var objects: [Int] { (0..<5).filter { self[$0, 0] > 0 } }
  var absent: [Int] { (0..<5).filter { self[$0, 0] <= 0 } }

  func object(_ generator: inout some RandomNumberGenerator) -> Int {
    objects.randomElement(using: &generator)!
  }

  /// On the unit canvas.
  func radius(_ object: Int) -> Float { 0.12 + 0.03 * self[object, 3] }

  func rgb(_ object: Int) -> SIMD3<Float> {
    127.5 * (SIMD3(self[object, 7], self[object, 8], self[object, 9]) + 1)
  }

  mutating func paint(_ object: Int, _ rgb: SIMD3<Float>) {
    for channel in 0..<3 { self[object, 7 + channel] = rgb[channel] / 127.5 - 1 }
  }

  mutating func copy(_ object: Int, to other: Int) {
    for channel in 0..<10 { self[other, channel] = self[object, channel] }
  }

  /// Moves an object to a distance of another; false if no direction keeps it inside.
  mutating func move(
    _ object: Int, beside other: Int, distance: Float,
    _ generator: inout some RandomNumberGenerator
  ) -> Bool {
    for _ in 0..<50 {
      let direction = SIMD2<Float>(
        .random(in: -1...1, using: &generator), .random(in: -1...1, using: &generator))
      let length = (direction * direction).sum().squareRoot()
      guard length > 0.1, length <= 1 else { continue }
      let x = self[other, 1] + direction.x / length * distance / 0.4
      let y = self[other, 2] + direction.y / length * distance / 0.4
      guard abs(x) < 0.75, abs(y) < 0.75 else { continue }
      self[object, 1] = x
      self[object, 2] = y
      return true
    }
    return false
  }

  /// Moves an object's centre to a distance from one of the four edges.
  mutating func moveToEdge(
    _ object: Int, inset: Float, _ generator: inout some RandomNumberGenerator
  ) {
    let axis = Int.random(in: 1...2, using: &generator)
    let inward = 0.5 - inset
    self[object, axis] = (Bool.random(using: &generator) ? inward : -inward) / 0.4
  }

  /// Whether an object of this radius at (x, y) of the token scale is clear of all others.
  private func isFree(_ x: Float, _ y: Float, radius: Float) -> Bool {
    objects.allSatisfy { other in
      let (dx, dy) = (0.4 * (x - self[other, 1]), 0.4 * (y - self[other, 2]))
      return (dx * dx + dy * dy).squareRoot() > 1.3 * (radius + self.radius(other)) + 0.05
    }
  }

  private mutating func place(
    _ object: Int, size: Float, _ generator: inout some RandomNumberGenerator
  ) -> Bool {
    for _ in 0..<100 {
      let x = Float.random(in: -0.75...0.75, using: &generator)
      let y = Float.random(in: -0.75...0.75, using: &generator)
      guard isFree(x, y, radius: max(0.12 + 0.03 * size, 0.02)) else { continue }
      for (channel, value) in [1, x, y, size].enumerated() { self[object, channel] = value }
      return true
    }
    return false
  }

  /// An object of random shape and palette colour in a free place, or nil if there is none.
  mutating func addStranger(
    size: Float, _ generator: inout some RandomNumberGenerator
  ) -> Int? {
    guard let spare = absent.first, place(spare, size: size, &generator) else { return nil }
    let shape = Int.random(in: 0..<3, using: &generator)
    for other in 0..<3 { self[spare, 4 + other] = other == shape ? 1 : -1 }
    paint(spare, Colour.allCases.randomElement(using: &generator)!.rgb)
    return spare
  }

  /// One more of the first object in a free place; false if there is none.
  mutating func addCopy(_ generator: inout some RandomNumberGenerator) -> Bool {
    guard let first = objects.first, let spare = absent.first else { return false }
    let size = self[first, 3]
    guard place(spare, size: size, &generator) else { return false }
    for channel in 4..<10 { self[spare, channel] = self[first, channel] }
    return true
  }

  /// Turns the picture around so that left is right, or up is down.
  mutating func mirror(horizontally: Bool) {
    for object in objects { self[object, horizontally ? 1 : 2] *= -1 }
  }
}
