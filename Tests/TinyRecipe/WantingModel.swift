package import Flow
package import Tensor

/// A model with another contract: the rows that a call should have, and whether they depend on each other.
package struct WantingModel: VelocityModel {
  private let model: any VelocityModel
  package let contract: ModelContract

  package init(_ rows: Int, _ isRowInvariant: Bool = true, of model: any VelocityModel) {
    self.model = model
    var contract = model.contract
    contract.wantedRows = rows
    contract.exactness.isRowInvariant = isRowInvariant
    self.contract = contract
  }

  package func initialParameters(seed: UInt64) throws(ModelFailure) -> Buffer {
    try model.initialParameters(seed: seed)
  }

  package func session(waiting: @escaping @Sendable () -> Void) -> any ModelSession {
    model.session(waiting: waiting)
  }
}
