/// The soft mask of a shape with a given area and centre.
///
/// The coverage of a pixel is the mean over four lines through it of the part of the line that is
/// inside: a line at height y is inside from x − h(y) to x + h(y).
struct Template {
  var shape: Shape
  /// In pixels.
  var area: Float
  var x: Float
  var y: Float

  /// The overlap of the shape with a stain, 0...1: Σ min(mask, template) / Σ max(mask, template).
  func overlap(with stain: Stain) -> Float {
    var common: Float = 0
    for (index, row) in stain.rows.enumerated() {
      let lines = SIMD4<Float>(
        halfWidth(at: Float(row) + 0.125 - y), halfWidth(at: Float(row) + 0.375 - y),
        halfWidth(at: Float(row) + 0.625 - y), halfWidth(at: Float(row) + 0.875 - y))
      for (place, column) in stain.columns.enumerated() {
        let left = Float(column) - x
        let from = pointwiseMax(-lines, SIMD4(repeating: left))
        let to = pointwiseMin(lines, SIMD4(repeating: left + 1))
        let covered = 0.25 * pointwiseMax(to - from, .zero).sum()
        let inked = stain.mask[index * stain.columns.count + place]
        common += min(covered, inked)
      }
    }
    return common / (area + stain.mass - common)
  }

  /// h at `dy` pixels below the centre; negative where the shape is not.
  private func halfWidth(at dy: Float) -> Float {
    switch shape {
    case .circle:
      let square = area / .pi - dy * dy
      return square > 0 ? square.squareRoot() : -1
    case .square:
      let half = 0.5 * area.squareRoot()
      return abs(dy) < half ? half : -1
    case .triangle:
      // Height H of the equilateral triangle: area = H² / √3; two thirds are above the centroid.
      let height = (1.732_050_8 * area).squareRoot()
      let below = dy + height * 2 / 3
      return below > 0 && below < height ? below / 1.732_050_8 : -1
    }
  }
}
