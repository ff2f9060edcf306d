/// A connected patch of a picture that is not background, as the rule judge sees it.
struct Blob {
  /// What makes a patch less than a proper object.
  enum Flaw: Hashable {
    case cutOff, tiny, severalColours, unknownColour, unknownShape
  }

  /// Nil if it is none of the three.
  var shape: Shape?
  /// Nil if it is not near the palette.
  var colour: Colour?
  /// The centroid on the unit canvas.
  var x: Float
  var y: Float
  /// In the order of ``Flaw``.
  var flaws: [Flaw] = []

  /// A channel this far from the background is seen, 1...255; the background is exact.
  private static let visible: Float = 6
  /// The largest Euclidean distance to a palette colour that still has its name, of 255. Orange
  /// and lime lie closer to yellow than anything lies to another colour.
  private static func tolerance(of colour: Colour) -> Float { colour == .yellow ? 32 : 45 }

  /// The largest distance of a pixel from the line between background and the patch's colour.
  private static let blendTolerance: Float = 14
  /// The least area of an object, in pixels of the judged picture.
  private static let leastArea: Float = 12

  /// All patches of a picture: 4-neighbours that differ visibly from the background belong
  /// together, whatever their colours are, so objects that touch are one patch.
  static func all(in picture: Picture) -> [Blob] {
    let (width, height) = (picture.width, picture.height)
    var unseen = [Bool](repeating: false, count: width * height)
    for pixel in unseen.indices {
      let difference = colour(of: pixel, in: picture) - Renderer.background
      let seen = (difference .> visible) .| (difference .< -visible)
      unseen[pixel] = seen != SIMDMask(repeating: false)
    }
    var blobs: [Blob] = []
    var patch: [Int] = []
    for start in unseen.indices where unseen[start] {
      patch.removeAll(keepingCapacity: true)
      patch.append(start)
      unseen[start] = false
      var next = 0
      while next < patch.count {
        let pixel = patch[next]
        let column = pixel % width
        next += 1
        func visit(_ neighbour: Int) {
          guard unseen[neighbour] else { return }
          unseen[neighbour] = false
          patch.append(neighbour)
        }
        if column > 0 { visit(pixel - 1) }
        if column < width - 1 { visit(pixel + 1) }
        if pixel >= width { visit(pixel - width) }
        if pixel < width * (height - 1) { visit(pixel + width) }
      }
      blobs.append(Blob(patch, in: picture))
    }
    return blobs
  }

  private init(_ patch: [Int], in picture: Picture) {
    let (width, height) = (picture.width, picture.height)
    let solid = Self.solidColour(of: patch, in: picture)
    let ink = solid - Renderer.background
    let inverse = 1 / (ink * ink).sum()
    var strangers = 0
    var touchesEdge = false
    var rows = [Float](repeating: 0, count: height)
    var columns = [Float](repeating: 0, count: width)
    var area: Float = 0
    var products: Float = 0
    for pixel in patch {
      let (row, column) = pixel.quotientAndRemainder(dividingBy: width)
      let difference = Self.colour(of: pixel, in: picture) - Renderer.background
      let coverage = min(max((difference * ink).sum() * inverse, 0), 1)
      let rest = difference - coverage * ink
      if (rest * rest).sum() > Self.blendTolerance * Self.blendTolerance { strangers += 1 }
      if row == 0 || column == 0 || row == height - 1 || column == width - 1 { touchesEdge = true }
      rows[row] += coverage
      columns[column] += coverage
      area += coverage
      products += coverage * (Float(row) + 0.5) * (Float(column) + 0.5)
    }
    let nearest = Colour.nearest(to: solid)
    colour = nearest.distance <= Self.tolerance(of: nearest.colour) ? nearest.colour : nil
    let profile = Profile(rows: rows, columns: columns, area: area, products: products)
    shape = strangers == 0 ? profile.shape : nil
    x = profile.x / Float(width)
    y = profile.y / Float(height)
    if touchesEdge { flaws.append(.cutOff) }
    if area < Self.leastArea { flaws.append(.tiny) }
    if strangers > 0 { flaws.append(.severalColours) }
    if colour == nil { flaws.append(.unknownColour) }
    if shape == nil { flaws.append(.unknownShape) }
  }

  /// The mean colour of the pixels that are nearly as far from the background as the farthest:
  /// the inside, without its soft edge.
  private static func solidColour(of patch: [Int], in picture: Picture) -> SIMD3<Float> {
    var farthest: Float = 0
    for pixel in patch { farthest = max(farthest, strength(of: pixel, in: picture)) }
    var sum = SIMD3<Float>.zero
    var count: Float = 0
    for pixel in patch where strength(of: pixel, in: picture) >= 0.9 * farthest {
      sum += colour(of: pixel, in: picture)
      count += 1
    }
    return sum / count
  }

  /// The distance of a pixel from the background.
  @inline(__always)
  private static func strength(of pixel: Int, in picture: Picture) -> Float {
    let difference = colour(of: pixel, in: picture) - Renderer.background
    return (difference * difference).sum().squareRoot()
  }

  @inline(__always)
  private static func colour(of pixel: Int, in picture: Picture) -> SIMD3<Float> {
    SIMD3(
      Float(picture.pixels[3 * pixel]), Float(picture.pixels[3 * pixel + 1]),
      Float(picture.pixels[3 * pixel + 2]))
  }
}
