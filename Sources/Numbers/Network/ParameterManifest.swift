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

  /// The parameters in a file that has all of these tensors.
  package func parameters(from file: SafeTensors) throws(SafeTensorsError) -> Buffer {
    let buffer = Buffer(count: count)
    let tensors = Dictionary(file.entries.map { ($0.name, $0) }) { first, _ in first }
    var offset = 0
    for entry in entries {
      guard let tensor = tensors[entry.name] else { throw .missingTensor(entry.name) }
      guard tensor.shape == entry.shape else {
        throw .wrongShape(name: entry.name, found: tensor.shape, expected: entry.shape)
      }
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
