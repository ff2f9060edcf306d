import CPNG
import Foundation
import Records
import Tasks
import TestSupport
import Testing

struct PictureTests {
  let shapes = Shapes()

  /// Every pixel is the mean of 16 × 16 points, each in the colour of the last object over it.
  private func literal(_ latent: [Float], side: Int) -> [Double] {
    let points = 16
    var sums = [Double](repeating: 0, count: side * side * 3)
    for row in 0..<side * points {
      for column in 0..<side * points {
        let x = (Float(column) + 0.5) / Float(side * points)
        let y = (Float(row) + 0.5) / Float(side * points)
        var colour: [Float] = [240, 240, 240]
        for token in 0..<5 where latent[10 * token] > 0 {
          let t = Array(latent[10 * token..<10 * token + 10])
          let dx = x - (0.5 + 0.4 * t[1])
          let dy = y - (0.5 + 0.4 * t[2])
          let r = min(max(0.12 + 0.03 * t[3], 0.02), 0.4)
          let inside: Bool
          if t[4] >= t[5] && t[4] >= t[6] {
            inside = dx * dx + dy * dy < r * r
          } else if t[5] >= t[6] {
            inside = abs(dx) < 0.9 * r && abs(dy) < 0.9 * r
          } else {
            // Half as wide as it is high above the line, by √3.
            let fromTop = dy + 1.3 * r
            inside = fromTop > 0 && dy < 0.65 * r && abs(dx) < fromTop / Float(3).squareRoot()
          }
          if inside { colour = (7..<10).map { min(max(127.5 * (t[$0] + 1), 0), 255) } }
        }
        let pixel = (row / points) * side + column / points
        for channel in 0..<3 { sums[3 * pixel + channel] += Double(colour[channel]) }
      }
    }
    return sums.map { $0 / Double(points * points) }
  }

  @Test func `the renderer agrees with counting points`() {
    var generator = SplitMix64(seed: 8)
    var largest = 0.0
    var total = 0.0
    var count = 0
    for index in 0..<40 {
      let latent = (0..<50).map { channel in
        Float.random(in: channel % 10 == 0 ? -0.5...1 : -1.1...1.1, using: &generator)
      }
      let side = index % 2 == 0 ? 32 : 48
      let expected = literal(latent, side: side)
      for (pixel, wanted) in zip(shapes.picture(of: latent, side: side).pixels, expected) {
        largest = max(largest, abs(Double(pixel) - wanted))
        total += abs(Double(pixel) - wanted)
        count += 1
      }
    }
    print("renderer against points: mean \(total / Double(count)), largest \(largest) of 255")
    #expect(total / Double(count) < 0.6)
    // The tip of a triangle is a corner of 60°, where distance and coverage differ most.
    #expect(largest < 90)
  }

  @Test func `a PNG file has its signature and size and reads back`() {
    var generator = SplitMix64(seed: 9)
    let latent = shapes.example(of: shapes.trainPrompts[5], using: &generator)
    let picture = Picture.grid([[shapes.picture(of: latent, side: 40)]], gap: 3)
    let file = picture.png()
    #expect(Array(file.prefix(8)) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    #expect(Array(file[16..<24]) == [0, 0, 0, 46, 0, 0, 0, 46])
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    #expect(png_image_begin_read_from_memory(&image, file, file.count) != 0)
    image.format = png_uint_32(PNG_FORMAT_RGB)
    var pixels = [UInt8](repeating: 0, count: 46 * 46 * 3)
    #expect(png_image_finish_read(&image, nil, &pixels, 0, nil) != 0)
    #expect(pixels == picture.pixels)
  }

  @Test func `a grid keeps every picture in its cell`() {
    let dark = Picture(width: 2, height: 2, pixels: [UInt8](repeating: 9, count: 12))
    let grid = Picture.grid([[dark, dark.framed(.red, thickness: 1)], [dark]], gap: 1)
    #expect(grid.width == 11 && grid.height == 11)
    #expect(Array(grid.pixels[0..<3]) == [255, 255, 255])
    #expect(Array(grid.pixels[36..<39]) == [9, 9, 9])
    let frame = 3 * (1 * 11 + 6)
    #expect(Array(grid.pixels[frame..<frame + 3]) == [215, 50, 50])
  }

  @Test func `a small picture is enlarged by the whole number that fits, a large one stays`() {
    let small = Picture(width: 3, height: 2, pixels: (0..<18).map { UInt8($0) })
    let large = small.enlarged(to: 14)
    #expect(large.width == 12 && large.height == 8)
    for y in 0..<8 {
      for x in 0..<12 {
        for channel in 0..<3 {
          let own = small.pixels[3 * (y / 4 * 3 + x / 4) + channel]
          #expect(large.pixels[3 * (y * 12 + x) + channel] == own)
        }
      }
    }
    #expect(small.enlarged(to: 5) == small)
    #expect(small.enlarged(to: 1) == small)
  }

  @Test func `text is broken between words, and cut with dots`() {
    func lines(_ text: String, _ characters: Int, _ most: Int) -> [String] {
      Picture.lines(of: text, width: 6 * characters - 1, most: most)
    }
    #expect(
      lines("a red circle and a blue square", 16, 3) == ["a red circle and", "a blue square"])
    #expect(lines("a red circle and a blue square", 16, 1) == ["a red circle an…"])
    #expect(lines("  two   circles\n", 20, 3) == ["two circles"])
    #expect(lines("abcdefghij", 4, 5) == ["abcd", "efgh", "ij"])
    #expect(lines("", 4, 3) == [] && lines("a", 4, 0) == [])
    for line in lines("2 circles found, 3 asked; a square is not red", 11, 9) {
      #expect(Picture.width(of: line) <= 65, "\(line)")
    }
  }

  @Test func `text stays within its picture, whatever it says`() {
    let white = [UInt8](repeating: 255, count: 40 * 9 * 3)
    for text in ["Ag0.~", "😀é\u{0}", String(repeating: "W", count: 100), ""] {
      for (column, row) in [(0, 0), (-7, -3), (38, 8), (400, 400), (-1_000, 2)] {
        var picture = Picture(width: 40, height: 9, pixels: white)
        picture.write(text, column: column, row: row, scale: 2)
        #expect(picture.pixels.count == white.count)
      }
      var picture = Picture(width: 40, height: 9, pixels: white)
      picture.write(text, column: 1, row: 1)
      #expect((picture.pixels != white) == !text.isEmpty, "\(text)")
    }
  }

  @Test func `every printable character has a glyph of its own`() {
    func drawn(_ character: Character) -> [UInt8] {
      var picture = Picture(
        width: 8, height: 12, pixels: [UInt8](repeating: 255, count: 8 * 12 * 3))
      picture.write(String(character), column: 1, row: 1)
      return picture.pixels
    }
    let characters = (0x21...0x7e).compactMap { Unicode.Scalar($0).map(Character.init) }
    #expect(Set(characters.map(drawn)).count == characters.count)
    #expect(!characters.map(drawn).contains(drawn("\u{1}")))
  }

  @Test func `a grid with captions has room for all of them`() {
    let dark = Picture(width: 60, height: 20, pixels: [UInt8](repeating: 9, count: 3_600))
    func grid(_ caption: String, _ fault: String) -> Picture {
      CaptionedGrid(
        heading: ["title", "what the frames mean"],
        rows: [.init("two_object", [.init(dark, caption: caption, fault: fault), .init(dark)])]
      ).picture
    }
    let bare = grid("", "")
    let told = grid("a circle left of a square", "the circle is right of the square")
    #expect(told.width == bare.width && told.height > bare.height + 2 * Picture.lineHeight())
    func count(_ colour: Picture.Colour, in picture: Picture) -> Int {
      stride(from: 0, to: picture.pixels.count, by: 3).count {
        Array(picture.pixels[$0..<$0 + 3]) == colour
      }
    }
    #expect(count(Picture.warning, in: bare) == 0 && count(Picture.warning, in: told) > 100)
    #expect(count([9, 9, 9], in: told) == 2 * 1_200, "no caption covers a picture")
    #expect(CaptionedGrid(rows: []).picture.width > 0)
  }

  /// Writes sheets to look at into the folder named by `SHEETS`.
  @Test func `sheets can be looked at`() throws {
    guard let folder = ProcessInfo.processInfo.environment["SHEETS"] else { return }
    var generator = SplitMix64(seed: 10)
    let examples = Category.allCases.map { category in
      shapes.heldOutPrompts.filter { $0.category == category.rawValue }.prefix(8).map {
        shapes.picture(of: shapes.example(of: $0, using: &generator), side: 96)
      }
    }
    let kinds = Dictionary(grouping: try AdversarialSheet.read(), by: \.kind)
    let wrong = try kinds.sorted { $0.key < $1.key }.map { _, cases in
      try cases.prefix(12).map { one in
        let prompt = try shapes.prompt(parsing: one.prompt)
        let passes = shapes.score(one.latent, for: prompt).strict
        return shapes.picture(of: one.latent, side: 72).framed(passes ? .green : .red, thickness: 2)
      }
    }
    let url = URL(fileURLWithPath: folder)
    try Data(Picture.grid(examples, gap: 4).png()).write(to: url.appending(path: "examples.png"))
    try Data(Picture.grid(wrong, gap: 4).png()).write(to: url.appending(path: "adversarial.png"))
  }
}
