import Flow
package import Learning
package import Network

extension Recipe {
  /// The network of its built-in model.
  package var network: DiT {
    guard let model = model as? BuiltInModel else {
      preconditionFailure("the recipe has another model")
    }
    return model.network
  }
}
