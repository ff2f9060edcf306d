package import Flow
package import Tensor

/// Another model whose numbers may differ a little when they are made again.
package struct TolerantModel: VelocityModel {
  private let model: any VelocityModel
  package let contract: ModelContract

  package init(_ model: any VelocityModel, tolerance: Float) {
    self.model = model
    var contract = model.contract
    contract.exactness.tolerance = tolerance
    self.contract = contract
  }

  package func initialParameters(seed: UInt64) throws(ModelFailure) -> Buffer {
    try model.initialParameters(seed: seed)
  }

  package func session(waiting: @escaping @Sendable () -> Void) -> any ModelSession {
    model.session(waiting: waiting)
  }
}
