package import Tensor

extension DiT {
  /// The parameters as named tensors, with the architecture as metadata.
  package func safeTensors(_ parameters: Buffer, metadata: [String: String] = [:]) -> SafeTensors {
    let entries = table.entries.map { entry in
      SafeTensors.Entry(
        name: entry.name, shape: entry.rows == 1 ? [entry.columns] : [entry.rows, entry.columns],
        scalars: table.view(entry.name, in: parameters).scalars)
    }
    return SafeTensors(
      entries: entries,
      metadata: metadata.merging(["architecture": shape.description]) { $1 })
  }

  /// The parameters in a file of this architecture.
  package func parameters(from file: SafeTensors) throws(SafeTensorsError) -> Buffer {
    let buffer = Buffer(count: table.count)
    for entry in table.entries {
      guard let tensor = file.entries.first(where: { $0.name == entry.name }) else {
        throw .missingTensor(entry.name)
      }
      let expected = entry.rows == 1 ? [entry.columns] : [entry.rows, entry.columns]
      guard tensor.shape == expected else {
        throw .wrongShape(name: entry.name, found: tensor.shape, expected: expected)
      }
      guard tensor.scalars.allSatisfy(\.isFinite) else { throw .notFinite(name: entry.name) }
      table.view(entry.name, in: buffer).assign(tensor.scalars)
    }
    return buffer
  }
}
