/// The fixed decoder of the shape world: figures in token order on a plain light background.
///
/// Coverage of a pixel = clamp(½ − d · side, 0...1), d the signed distance of its centre.
package enum Renderer {
  package static let background = SIMD3<Float>(240, 240, 240)

  /// The picture of a latent `[tokens, 10]`, `side` × `side` pixels.
  package static func picture(of latent: [Float], side: Int) -> Picture {
    precondition(side > 0, "a picture has at least one pixel, not side \(side)")
    var pixels = [UInt8](repeating: UInt8(background.x), count: side * side * 3)
    pixels.withUnsafeMutableBufferPointer { buffer in
      guard let pixels = buffer.baseAddress else { return }
      for figure in Figure.all(in: latent) { draw(figure, on: pixels, side: side) }
    }
    return Picture(width: side, height: side, pixels: pixels)
  }

  /// Blends one figure over `pixels`, `[side, side, 3]`, inside its bounding box only.
  private static func draw(_ figure: Figure, on pixels: UnsafeMutablePointer<UInt8>, side: Int) {
    let reach = Figure.reach(of: figure.shape)
    let columns = span(
      from: figure.x - reach.side * figure.radius, to: figure.x + reach.side * figure.radius, side)
    let rows = span(
      from: figure.y - reach.up * figure.radius, to: figure.y + reach.down * figure.radius, side)
    let scale = Float(side)
    for row in rows {
      let dy = (Float(row) + 0.5) / scale - figure.y
      for column in columns {
        let dx = (Float(column) + 0.5) / scale - figure.x
        let coverage = 0.5 - scale * figure.signedDistance(dx: dx, dy: dy)
        guard coverage > 0 else { continue }
        let pixel = pixels + 3 * (row * side + column)
        let alpha = min(coverage, 1)
        for channel in 0..<3 {
          let under = Float(pixel[channel])
          pixel[channel] = UInt8(under + alpha * (figure.rgb[channel] - under) + 0.5)
        }
      }
    }
  }

  /// The pixels from one canvas coordinate to another, a pixel wider at both ends, kept on the
  /// canvas.
  private static func span(from low: Float, to high: Float, _ side: Int) -> Range<Int> {
    let scale = Float(side)
    let first = Int(min(max((low * scale).rounded(.down) - 1, 0), scale))
    let last = Int(min(max((high * scale).rounded(.up) + 1, 0), scale))
    return first..<max(first, last)
  }
}
