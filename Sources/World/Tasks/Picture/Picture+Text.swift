extension Picture {
  package typealias Colour = [UInt8]

  package static let white: Colour = [255, 255, 255]
  package static let ink: Colour = [45, 45, 45]
  package static let warning: Colour = [190, 35, 35]

  /// Writes a line from its left upper corner; what reaches over the edge is left out.
  ///
  /// - Parameter scale: pixels of one dot's side.
  package mutating func write(
    _ text: String, column: Int, row: Int, colour: Colour = Picture.ink, scale: Int = 1
  ) {
    var left = column
    for character in text {
      for (y, bits) in Glyphs.rows(of: character).enumerated() {
        for x in 0..<Glyphs.width where bits & (16 >> UInt8(x)) != 0 {
          fill(
            column: left + x * scale, row: row + y * scale, width: scale, height: scale,
            with: colour)
        }
      }
      left += Glyphs.advance * scale
    }
  }

  /// Fills what of a rectangle lies within the picture.
  package mutating func fill(
    column: Int, row: Int, width fillWidth: Int, height fillHeight: Int, with colour: Colour
  ) {
    for y in max(row, 0)..<max(0, row, min(row + fillHeight, height)) {
      for x in max(column, 0)..<max(0, column, min(column + fillWidth, width)) {
        let place = (y * width + x) * 3
        for channel in 0..<3 { pixels[place + channel] = colour[channel] }
      }
    }
  }

  /// Pixels that a line is wide.
  package static func width(of text: String, scale: Int = 1) -> Int {
    max(0, text.count * Glyphs.advance - 1) * scale
  }

  /// Pixels from one line to the next.
  package static func lineHeight(scale: Int = 1) -> Int { Glyphs.leading * scale }

  /// A text in lines of at most `width` pixels, broken between words where that can be; the last of
  /// `most` lines ends in dots where more would follow.
  package static func lines(of text: String, width: Int, most: Int, scale: Int = 1) -> [String] {
    let room = max(1, (width / scale + 1) / Glyphs.advance)
    var lines: [String] = []
    for word in text.split(whereSeparator: \.isWhitespace) {
      var rest = word
      if let last = lines.last, last.count + 1 + rest.count <= room {
        lines[lines.count - 1] += " \(rest)"
        continue
      }
      while !rest.isEmpty {
        lines.append(String(rest.prefix(room)))
        rest = rest.dropFirst(room)
      }
    }
    guard lines.count > most, most > 0 else { return Array(lines.prefix(most)) }
    return lines.prefix(most - 1) + [String(lines[most - 1].prefix(max(0, room - 1))) + "…"]
  }
}
