/// An RGB picture, row-major from the top left, 8 bits a channel.
package struct Picture: Hashable, Sendable {
  package let width: Int
  package let height: Int
  /// `[height, width, 3]`.
  package var pixels: [UInt8]

  package init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(pixels.count == width * height * 3, "a picture has width · height · 3 bytes")
    self.width = width
    self.height = height
    self.pixels = pixels
  }
}
