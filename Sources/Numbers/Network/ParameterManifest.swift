import Bytes
import Glibc
package import Tensor

/// The names and shapes of the tensors that one flat parameter buffer holds, in order.
package struct ParameterManifest: Hashable, Sendable {
  package struct Entry: Hashable, Sendable {
    package let name: String
    package let shape: [Int]

    package init(name: String, shape: [Int]) { (self.name, self.shape) = (name, shape) }

    package var count: Int { shape.reduce(1, *) }
  }

  package let entries: [Entry]
  /// P: scalars of all of them.
  package let count: Int

  /// - Precondition: names differ.
  package init(_ entries: [Entry]) {
    precondition(Set(entries.map(\.name)).count == entries.count, "two parameters of one name")
    self.entries = entries
    count = entries.reduce(0) { $0 + $1.count }
  }

  /// The parameters as named tensors.
  package func safeTensors(_ parameters: Buffer, metadata: [String: String] = [:]) -> SafeTensors {
    var offset = 0
    let tensors = entries.map { entry in
      defer { offset += entry.count }
      return SafeTensors.Entry(
        name: entry.name, shape: entry.shape,
        scalars: parameters.matrix(at: offset, rows: 1, columns: entry.count).scalars)
    }
    return SafeTensors(entries: tensors, metadata: metadata)
  }

  /// Writes what ``safeTensors(_:metadata:)`` encodes to, and copies nothing.
  package func write(_ parameters: Buffer, metadata: [String: String], to path: String) throws {
    let header = try SafeTensors.header(
      of: entries.map { ($0.name, $0.shape, $0.count) }, metadata: metadata)
    try parameters.withBytes { try AtomicFile.write(header, followedBy: $0, to: path) }
  }

  /// The parameters in a file that has all of these tensors, read to where they belong.
  ///
  /// - Throws: ``SafeTensorsError`` or a `FileError`.
  package func parameters(inFile path: String) throws -> Buffer {
    let file = try FileDescriptor(opening: path, O_RDONLY)
    let size = Int(try file.size())
    let start = try SafeTensors.headerEnd(try file.read(8, at: 0), fileBytes: size)
    let header = try SafeTensorsHeader(try file.read(start - 8, at: 8)[...])
    try header.check(dataBytes: size - start)
    let tensors = Dictionary(header.tensors.map { ($0.name, $0) }) { first, _ in first }
    try check(tensors.mapValues(\.shape))
    let buffer = try Buffer.filled(count: count) { bytes in
      var offset = 0
      for entry in entries {
        guard let tensor = tensors[entry.name] else { continue }
        let part = UnsafeMutableRawBufferPointer(
          rebasing: bytes[offset..<offset + entry.count * 4])
        guard try file.read(into: part, at: UInt64(start + tensor.start)) == part.count else {
          throw SafeTensorsError.malformed("it became shorter while it was read")
        }
        offset += part.count
      }
    }
    guard !buffer.isFinite else { return buffer }
    var offset = 0
    for entry in entries {
      if !buffer.matrix(at: offset, rows: 1, columns: entry.count).scalars.allSatisfy(\.isFinite) {
        throw SafeTensorsError.notFinite(name: entry.name)
      }
      offset += entry.count
    }
    return buffer
  }

  /// Whether a file with tensors of these shapes has all that there must be.
  private func check(_ shapes: [String: [Int]]) throws(SafeTensorsError) {
    for entry in entries {
      guard let shape = shapes[entry.name] else { throw .missingTensor(entry.name) }
      guard shape == entry.shape else {
        throw .wrongShape(name: entry.name, found: shape, expected: entry.shape)
      }
    }
  }

  /// The parameters in a file that has all of these tensors.
  package func parameters(from file: SafeTensors) throws(SafeTensorsError) -> Buffer {
    let buffer = Buffer(count: count)
    let tensors = Dictionary(file.entries.map { ($0.name, $0) }) { first, _ in first }
    try check(tensors.mapValues(\.shape))
    var offset = 0
    for entry in entries {
      guard let tensor = tensors[entry.name] else { throw .missingTensor(entry.name) }
      guard tensor.scalars.allSatisfy(\.isFinite) else { throw .notFinite(name: entry.name) }
      buffer.matrix(at: offset, rows: 1, columns: entry.count).assign(tensor.scalars)
      offset += entry.count
    }
    return buffer
  }
}

extension ParameterTable {
  /// The same tensors; a bias has one dimension.
  package var manifest: ParameterManifest {
    ParameterManifest(
      entries.map { entry in
        ParameterManifest.Entry(
          name: entry.name,
          shape: entry.rows == 1 ? [entry.columns] : [entry.rows, entry.columns])
      })
  }
}
