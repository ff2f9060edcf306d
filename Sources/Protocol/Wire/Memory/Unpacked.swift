import CWire
import Records

/// Turning the fields of unpacked C messages into Swift values.
enum Unpacked {
  static func text(_ pointer: UnsafeMutablePointer<CChar>?, _ field: String) throws(WireError)
    -> String
  {
    guard let pointer else { return "" }
    guard let text = String(validatingCString: pointer) else { throw .notText(field: field) }
    return text
  }

  static func digest(_ data: ProtobufCBinaryData, _ field: String) throws(WireError) -> Digest {
    guard let digest = optionalDigest(data) else { throw .missing(field: field) }
    return digest
  }

  /// The scan has seen to it that a digest which is there has 32 bytes.
  static func optionalDigest(_ data: ProtobufCBinaryData) -> Digest? {
    guard data.len == 32 else { return nil }
    return Digest(bytes: bytes(data))
  }

  static func bytes(_ data: ProtobufCBinaryData) -> [UInt8] {
    Array(UnsafeBufferPointer(start: data.data, count: data.len))
  }

  static func finite(_ value: Float, _ place: String) throws(WireError) -> Float {
    guard value.isFinite else { throw .notFinite(place: place) }
    return value
  }
}
