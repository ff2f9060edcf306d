import CPNG

extension Picture {
  /// The picture as a PNG file, 8-bit RGB.
  ///
  /// - Parameter isQuick: larger, and quicker to write and to read: rows are not filtered.
  package func png(isQuick: Bool = false) -> [UInt8] {
    precondition(width > 0 && height > 0, "a picture without pixels is no PNG file")
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    image.width = png_uint_32(width)
    image.height = png_uint_32(height)
    image.format = png_uint_32(PNG_FORMAT_RGB)
    if isQuick { image.flags = png_uint_32(PNG_IMAGE_FLAG_FAST) }
    defer { png_image_free(&image) }
    // Without a buffer libpng only counts the bytes.
    var byteCount: png_alloc_size_t = 0
    let counted = png_image_write_to_memory(&image, nil, &byteCount, 0, pixels, 0, nil)
    precondition(counted != 0, "libpng cannot size a \(width) × \(height) picture")
    return [UInt8](unsafeUninitializedCapacity: Int(byteCount)) { buffer, count in
      let written = png_image_write_to_memory(
        &image, buffer.baseAddress, &byteCount, 0, pixels, 0, nil)
      precondition(written != 0, "libpng cannot write a \(width) × \(height) picture")
      count = Int(byteCount)
    }
  }
}
