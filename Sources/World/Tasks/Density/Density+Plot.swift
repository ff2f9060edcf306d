import Foundation
package import Records

extension Density {
  /// A colour for each mode, clockwise from north.
  private static let colours: [Picture.Colour] = [
    [0, 114, 178], [86, 180, 233], [0, 158, 115], [120, 140, 40], [213, 94, 0], [230, 159, 0],
    [204, 121, 167], [90, 70, 160],
  ]

  /// The points in the colour of the mode that each was asked for, and the modes asked for as discs of
  /// what is strictly right; the plane from −1.5 to 1.5, y upwards.
  package func plot(of results: [(prompt: Prompt, latent: [Float])], side: Int) -> Picture? {
    let pixelsPerUnit = Float(side) / 3
    func place(_ point: SIMD2<Float>) -> (column: Int, row: Int) {
      func pixel(_ value: Float) -> Int {
        Int(max(-1e6, min(1e6, (value * pixelsPerUnit).rounded(.down))))
      }
      return (pixel(point.x + 1.5), pixel(1.5 - point.y))
    }
    var plot = Picture(filled: [250, 250, 250], width: side, height: side)
    let asked = Set(results.map { index(of: $0.prompt) }).sorted()
    for mode in asked { plot.disc(around: Self.mode(mode), tinted: Self.colours[mode]) }
    var outside = 0
    for (prompt, latent) in results {
      guard let point = point(of: latent), abs(point.x) < 1.5, abs(point.y) < 1.5 else {
        outside += 1
        continue
      }
      let (column, row) = place(point)
      let size = max(1, side / 120)
      plot.fill(
        column: column - size / 2, row: row - size / 2, width: size, height: size,
        with: Self.colours[index(of: prompt)])
    }
    // Small plots have no room for words.
    guard side >= 160 else { return plot }
    for mode in asked {
      let name = Self.compass[mode]
      let (column, row) = place(Self.mode(mode))
      let width = Picture.width(of: name)
      plot.write(
        name, column: max(2, min(side - width - 2, column - width / 2)),
        row: row - Int(0.3 * pixelsPerUnit) - Picture.lineHeight())
    }
    if outside > 0 {
      plot.write(
        "\(outside) outside", column: 3, row: side - Picture.lineHeight(), colour: Picture.warning)
    }
    return plot
  }
}

extension Picture {
  /// A disc of radius 0.3 in the plane that fills the picture, pale within its edge.
  fileprivate mutating func disc(around centre: SIMD2<Float>, tinted colour: Colour) {
    let pixelsPerUnit = Float(width) / 3
    let edge = max(0.01, 0.6 / pixelsPerUnit)
    for row in 0..<height {
      for column in 0..<width {
        let place = SIMD2(
          (Float(column) + 0.5) / pixelsPerUnit - 1.5, 1.5 - (Float(row) + 0.5) / pixelsPerUnit)
        let distance = hypot(place.x - centre.x, place.y - centre.y)
        guard distance <= 0.3 + edge else { continue }
        let share: Float = abs(distance - 0.3) <= edge ? 0.8 : 0.12
        for channel in 0..<3 {
          let at = (row * width + column) * 3 + channel
          let paper = Float(pixels[at])
          pixels[at] = UInt8(paper + share * (Float(colour[channel]) - paper))
        }
      }
    }
  }
}
