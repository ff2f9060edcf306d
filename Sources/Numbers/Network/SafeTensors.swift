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
    var bytes = try Self.header(
      of: entries.map { ($0.name, $0.shape, $0.scalars.count) }, metadata: metadata)
    bytes.reserveCapacity(bytes.count + entries.reduce(0) { $0 + $1.scalars.count * 4 })
    for entry in entries {
      for value in entry.scalars {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
      }
    }
    return bytes
  }

  /// What stands before the bytes of tensors that follow each other in this order.
  static func header(
    of tensors: [(name: String, shape: [Int], count: Int)], metadata: [String: String]
  ) throws -> [UInt8] {
    var header: [String: Any] = metadata.isEmpty ? [:] : ["__metadata__": metadata]
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.count * 4
      header[tensor.name] = [
        "dtype": "F32", "shape": tensor.shape, "data_offsets": [offset, end],
      ]
      offset = end
    }
    var json = Array(
      try JSONSerialization.data(
        withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes]))
    // The data starts at a multiple of 8, as the format recommends.
    while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    let length = UInt64(json.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + json
  }

  package init(decoding bytes: [UInt8]) throws(SafeTensorsError) {
    let start = try Self.headerEnd(bytes.prefix(8), fileBytes: bytes.count)
    let header = try SafeTensorsHeader(bytes[8..<start])
    try header.check(dataBytes: bytes.count - start)
    metadata = header.metadata
    entries = header.tensors.sorted { $0.name < $1.name }.map { tensor in
      let count = (tensor.end - tensor.start) / 4
      let scalars = [Float](unsafeUninitializedCapacity: count) { memory, filled in
        bytes.withUnsafeBytes { source in
          let data = source[start + tensor.start..<start + tensor.end]
          UnsafeMutableRawBufferPointer(memory).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: data))
        }
        filled = count
      }
      return Entry(name: tensor.name, shape: tensor.shape, scalars: scalars)
    }
  }

  /// Where the data begin in a file with these first bytes.
  static func headerEnd(_ first: some Collection<UInt8>, fileBytes: Int) throws(SafeTensorsError)
    -> Int
  {
    guard first.count == 8 else {
      throw .malformed("it has \(first.count) bytes, at least 8 are needed")
    }
    let length = first.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(headerLimit), 8 + Int(length) <= fileBytes else {
      throw .malformed("its header claims \(length) bytes, the file has \(fileBytes)")
    }
    return 8 + Int(length)
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
