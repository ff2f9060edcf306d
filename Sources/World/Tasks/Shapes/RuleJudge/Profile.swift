import Foundation

/// The row widths and column heights of a patch, from which its shape is read.
///
/// Area and centroid say how a circle, a square or a triangle would fill each row and column; the
/// patch has the shape whose filling it comes closest to, if it comes close at all:
///
///     error = ½ Σ_rows |w/A − ΔF| + ½ Σ_columns |h/A − ΔF|
///
/// with F(t) the share of the shape's area before the coordinate t. An error of 1 means that half
/// of the area is elsewhere, in rows and in columns. Rows and columns do not see what leans along
/// a diagonal, so the skew Σ (x − x̄)(y − ȳ) / A², zero for all three shapes, must be small too.
struct Profile {
  /// The centroid in pixels.
  let x: Float
  let y: Float
  /// Nil if the patch is none of the three.
  let shape: Shape?

  /// - Parameters:
  ///   - rows: `[height]`, the covered width of every row in pixels.
  ///   - columns: `[width]`, the covered height of every column in pixels.
  ///   - area: the sum of either.
  ///   - products: the sum over the patch of coverage · x · y.
  init(rows: [Float], columns: [Float], area: Float, products: Float) {
    let (x, y) = (Self.mean(of: columns, area), Self.mean(of: rows, area))
    self.x = x
    self.y = y
    let skew = abs(products - x * y * area) / (area * area)
    var best: Float = 1
    var shape: Shape?
    for candidate in Shape.allCases {
      let scale = Self.scale(of: candidate, area: area)
      let error =
        Self.error(rows, area) { Self.share(of: candidate, above: ($0 - y) / scale) }
        + Self.error(columns, area) { Self.share(of: candidate, leftOf: ($0 - x) / scale) }
      let allowed = Self.tolerance(of: candidate)
      guard error / allowed.error < best, skew < allowed.skew else { continue }
      (best, shape) = (error / allowed.error, candidate)
    }
    self.shape = shape
  }

  /// The largest error and skew of a shape, half as much again as those of 17,000 true renderings
  /// or more. Triangles have the largest, because their sharp corners are the least exact.
  private static func tolerance(of shape: Shape) -> (error: Float, skew: Float) {
    switch shape {
    case .circle: (0.03, 0.004)
    case .square: (0.045, 0.004)
    case .triangle: (0.095, 0.0065)
    }
  }

  private static func mean(of lengths: [Float], _ area: Float) -> Float {
    var sum: Float = 0
    for index in lengths.indices { sum += lengths[index] * (Float(index) + 0.5) }
    return sum / area
  }

  /// ½ Σ |length / area − ΔF| with F(t) = `share`; what F has beyond the ends counts as well.
  private static func error(
    _ lengths: [Float], _ area: Float, share: (Float) -> Float
  ) -> Float {
    guard let first = lengths.firstIndex(where: { $0 > 0 }),
      let last = lengths.lastIndex(where: { $0 > 0 })
    else { return .infinity }
    var before = share(Float(first))
    var sum = before
    for index in first...last {
      let after = share(Float(index + 1))
      sum += abs(lengths[index] / area - (after - before))
      before = after
    }
    return 0.5 * (sum + 1 - before)
  }

  /// The length that the share functions count in: radius, side, or side of the triangle.
  private static func scale(of shape: Shape, area: Float) -> Float {
    switch shape {
    case .circle: (area / .pi).squareRoot()
    case .square: area.squareRoot()
    case .triangle: (area / 0.433_012_7).squareRoot()
    }
  }

  /// F over rows at `t` scales below the centroid.
  private static func share(of shape: Shape, above t: Float) -> Float {
    guard shape == .triangle else { return share(of: shape, leftOf: t) }
    let height: Float = 0.866_025_4
    let part = min(max(t / height + 2 / 3, 0), 1)
    return part * part
  }

  /// F over columns at `t` scales right of the centroid.
  private static func share(of shape: Shape, leftOf t: Float) -> Float {
    switch shape {
    case .circle:
      let t = min(max(t, -1), 1)
      return 0.5 + (t * (1 - t * t).squareRoot() + asin(t)) / .pi
    case .square:
      return min(max(t + 0.5, 0), 1)
    case .triangle:
      let t = min(max(2 * t, -1), 1)
      return t < 0 ? 0.5 * (1 + t) * (1 + t) : 1 - 0.5 * (1 - t) * (1 - t)
    }
  }
}
