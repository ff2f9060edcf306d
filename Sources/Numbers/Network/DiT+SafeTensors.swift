package import Tensor

extension DiT {
  /// The parameters as named tensors, with the architecture as metadata.
  package func safeTensors(_ parameters: Buffer, metadata: [String: String] = [:]) -> SafeTensors {
    table.manifest.safeTensors(
      parameters, metadata: metadata.merging(["architecture": shape.description]) { $1 })
  }

  /// The parameters in a file of this architecture.
  package func parameters(from file: SafeTensors) throws(SafeTensorsError) -> Buffer {
    try table.manifest.parameters(from: file)
  }
}
