import Foundation

/// A safetensors file: named float32 tensors and text metadata.
///
/// Format: 8 bytes little-endian header length, a JSON header, then the tensors' bytes. Files are
/// untrusted: every length and offset is checked before anything is read.
package struct SafeTensors: Sendable {
  package struct Entry: Sendable {
    package var name: String
    package var shape: [Int]
    package var scalars: [Float]

    package init(name: String, shape: [Int], scalars: [Float]) {
      self.name = name
      self.shape = shape
      self.scalars = scalars
    }
  }

  package var entries: [Entry]
  package var metadata: [String: String]

  package init(entries: [Entry], metadata: [String: String] = [:]) {
    self.entries = entries
    self.metadata = metadata
  }

  /// The largest header that is read, 1 MiB: some ten thousand tensors.
  static let headerLimit = 1 << 20

  package func encoded() throws -> [UInt8] {
    var header: [String: Any] = metadata.isEmpty ? [:] : ["__metadata__": metadata]
    var offset = 0
    for entry in entries {
      let end = offset + entry.scalars.count * 4
      header[entry.name] = [
        "dtype": "F32", "shape": entry.shape, "data_offsets": [offset, end],
      ]
      offset = end
    }
    var json = Array(
      try JSONSerialization.data(
        withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes]))
    // The data starts at a multiple of 8, as the format recommends.
    while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + json.count + offset)
    let length = UInt64(json.count)
    bytes += (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    bytes += json
    for entry in entries {
      for value in entry.scalars {
        let bits = value.bitPattern
        bytes.append(UInt8(truncatingIfNeeded: bits))
        bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
        bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
        bytes.append(UInt8(truncatingIfNeeded: bits >> 24))
      }
    }
    return bytes
  }

  package init(decoding bytes: [UInt8]) throws(SafeTensorsError) {
    guard bytes.count >= 8 else {
      throw .malformed("it has \(bytes.count) bytes, at least 8 are needed")
    }
    let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
    guard length <= UInt64(Self.headerLimit), 8 + Int(length) <= bytes.count else {
      throw .malformed("its header claims \(length) bytes, the file has \(bytes.count)")
    }
    let start = 8 + Int(length)
    let header = try SafeTensorsHeader(bytes[8..<start])
    metadata = header.metadata
    // Every byte belongs to one tensor, which is known before one of them is copied.
    var end = 0
    for tensor in header.tensors.sorted(by: { ($0.start, $0.end) < ($1.start, $1.end) }) {
      var count = 1
      for side in tensor.shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: side)
        guard !overflow, product <= bytes.count else {
          throw .malformed(
            "tensor \(SafeTensorsHeader.quoted(tensor.name)) has the impossible shape \(tensor.shape)"
          )
        }
        count = product
      }
      guard tensor.end >= tensor.start, tensor.end <= bytes.count - start,
        tensor.end - tensor.start == count * 4
      else {
        throw .malformed(
          "tensor \(SafeTensorsHeader.quoted(tensor.name)) claims bytes"
            + " \([tensor.start, tensor.end]) for \(count) values")
      }
      guard tensor.start == end else {
        throw .malformed("its tensors overlap or leave bytes out at \(min(tensor.start, end))")
      }
      end = tensor.end
    }
    guard end == bytes.count - start else {
      throw .malformed("its tensors end at \(end), its data has \(bytes.count - start) bytes")
    }
    entries = header.tensors.sorted { $0.name < $1.name }.map { tensor in
      let data = bytes[start + tensor.start..<start + tensor.end]
      let scalars = stride(from: data.startIndex, to: data.endIndex, by: 4).map { at in
        Float(
          bitPattern: UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16
            | UInt32(bytes[at + 3]) << 24)
      }
      return Entry(name: tensor.name, shape: tensor.shape, scalars: scalars)
    }
  }
}

/// A safetensors file that cannot be used.
package enum SafeTensorsError: Error, Hashable, CustomStringConvertible {
  case malformed(String)
  case missingTensor(String)
  case wrongShape(name: String, found: [Int], expected: [Int])
  case notFinite(name: String)

  package var description: String {
    switch self {
    case .malformed(let reason): "not a usable safetensors file: \(reason)"
    case .missingTensor(let name): "the file has no tensor \(name); is it of another model?"
    case .wrongShape(let name, let found, let expected):
      "tensor \(name) is \(found), this model needs \(expected)"
    case .notFinite(let name): "tensor \(name) holds a value that is not finite"
    }
  }
}
