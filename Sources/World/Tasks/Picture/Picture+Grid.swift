extension Picture {
  /// The colour of a frame: whether what it surrounds is right; grey where nobody judged it.
  package enum Frame: Sendable {
    case green, red, grey

    fileprivate var rgb: [UInt8] {
      switch self {
      case .green: [40, 170, 80]
      case .red: [215, 50, 50]
      case .grey: [150, 150, 150]
      }
    }
  }

  /// The picture inside a frame of `thickness` pixels.
  package func framed(_ frame: Frame, thickness: Int) -> Picture {
    var framed = Picture(
      filled: frame.rgb, width: width + 2 * thickness, height: height + 2 * thickness)
    framed.paste(self, column: thickness, row: thickness)
    return framed
  }

  /// Every pixel as a square of k × k, with the largest k for which no side is above `side`; people see
  /// nothing in 16 × 16 pixels. A picture that is larger stays as it is.
  package func enlarged(to side: Int) -> Picture {
    let k = side / max(width, height, 1)
    guard k > 1 else { return self }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(self.pixels.count * k * k)
    for y in 0..<height {
      var line: [UInt8] = []
      for x in 0..<width {
        let pixel = self.pixels[3 * (y * width + x)..<3 * (y * width + x) + 3]
        for _ in 0..<k { line += pixel }
      }
      for _ in 0..<k { pixels += line }
    }
    return Picture(width: k * width, height: k * height, pixels: pixels)
  }

  /// Rows of pictures on white, `gap` pixels apart; cells are as large as the largest picture.
  package static func grid(_ pictures: [[Picture]], gap: Int) -> Picture {
    let all = pictures.joined()
    let cellWidth = all.map(\.width).max() ?? 0
    let cellHeight = all.map(\.height).max() ?? 0
    let columns = pictures.map(\.count).max() ?? 0
    var grid = Picture(
      filled: [255, 255, 255], width: gap + columns * (cellWidth + gap),
      height: gap + pictures.count * (cellHeight + gap))
    for (row, line) in pictures.enumerated() {
      for (column, picture) in line.enumerated() {
        grid.paste(
          picture, column: gap + column * (cellWidth + gap), row: gap + row * (cellHeight + gap))
      }
    }
    return grid
  }

  init(filled rgb: [UInt8], width: Int, height: Int) {
    let pixels = (0..<width * height).flatMap { _ in rgb }
    self.init(width: width, height: height, pixels: pixels)
  }

  mutating func paste(_ picture: Picture, column: Int, row: Int) {
    for line in 0..<picture.height {
      let from = line * picture.width * 3
      let to = ((row + line) * width + column) * 3
      pixels.replaceSubrange(
        to..<to + picture.width * 3, with: picture.pixels[from..<from + picture.width * 3])
    }
  }
}
