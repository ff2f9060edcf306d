package import Network
import Tensor

extension PEFTAdapter {
  /// A file of full weights with the adapter added: W + (α/r)·B·A for every layer that it adapts.
  ///
  /// Weights are `[outputs, inputs]`, as PyTorch has them; in a file of the built-in network, which its
  /// metadata name, they are `[inputs, outputs]`.
  ///
  /// - Parameters:
  ///   - origin: names the adapter in errors.
  ///   - place: names the file of the base.
  package func merged(into base: SafeTensors, from origin: String, at place: String)
    throws(AdapterError) -> SafeTensors
  {
    let isBuiltIn = base.metadata["architecture"]?.hasPrefix("dit ") == true
    var result = base
    let positions = Dictionary(
      base.entries.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    let parts = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for layer in layers {
      guard let a = parts[layer + Self.a], let b = parts[layer + Self.b] else { continue }
      guard let position = positions["\(layer).weight"] else {
        throw AdapterError(
          origin,
          "it adapts the layer \(layer.beginning), and \(place) has no tensor"
            + " \(layer.beginning).weight")
      }
      let (outputs, inputs) = (b.shape[0], a.shape[1])
      let shape = isBuiltIn ? [inputs, outputs] : [outputs, inputs]
      let weight = base.entries[position]
      guard weight.shape == shape else {
        throw AdapterError(
          origin,
          "its layer \(layer.beginning) wants a weight of shape \(shape), and \(place) has one of"
            + " shape \(weight.shape)")
      }
      if b.scalars.allSatisfy({ $0 == 0 }) { continue }
      let sum = Buffer(weight.scalars)
      let product = Buffer(count: sum.count).matrix(at: 0, rows: shape[0], columns: shape[1])
      let zeros = Buffer(count: max(inputs, outputs))
      let (left, right) = (
        Buffer(a.scalars).matrix(at: 0, rows: form.rank, columns: inputs),
        Buffer(b.scalars).matrix(at: 0, rows: outputs, columns: form.rank)
      )
      if isBuiltIn {
        product.setProduct(transposed: left, transposed: right, zeros: zeros.row)
      } else {
        product.linear(right, weight: left, bias: zeros.matrix(at: 0, rows: 1, columns: inputs))
      }
      sum.row.add(product, times: form.scale)
      guard sum.isFinite else {
        throw AdapterError(
          origin, "added to \(place), the layer \(layer.beginning) holds a value that is not finite"
        )
      }
      result.entries[position].scalars = sum.scalars
    }
    return result
  }
}
