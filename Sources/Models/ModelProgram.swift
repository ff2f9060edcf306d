package import Flow
import Network
package import Programs
package import Tensor

/// A model that is a program of its own: Documentation/ModelProtocol.md.
///
/// Its processes are started when they are first asked, and end with the last copy of this value.
package struct ModelProgram: VelocityModel {
  package let contract: ModelContract
  private let program: ProgramContract
  private let pool: ModelPool
  private let options: ModelOptions

  /// - Parameter program: what the program says of itself; one that says something else is refused.
  package init(
    _ command: ProgramCommand, is program: ProgramContract, role: ModelRole, options: ModelOptions
  ) {
    self.program = program
    self.options = options
    var contract = program.contract
    if !contract.exactness.isRowInvariant { contract.exactness.tolerance = options.tolerance }
    self.contract = contract
    pool = ModelPool(
      (0..<options.processes).map {
        ModelProcess(command, role: role, options: options, expected: program, index: $0)
      })
  }

  /// Starts a program and asks what it says of itself.
  package static func contract(of command: ProgramCommand, options: ModelOptions) throws(Fault)
    -> ProgramContract
  {
    let process = ModelProcess(command, role: .check, options: options, expected: nil)
    defer { process.kill() }
    var tries = 0
    while true {
      do throws(Fault) {
        return try process.contract()
      } catch {
        // One that ended may have been ended by somebody; what is said wrong once is said again.
        tries += 1
        guard error.kind == .crashed, tries <= options.retries else { throw error }
      }
    }
  }

  package func initialParameters(seed: UInt64) throws(ModelFailure) -> Buffer {
    let session = ProgramSession(program, pool, options: options, waiting: {})
    return Buffer(
      try session.asked { (process) throws(Fault) in
        try process.initialParameters(
          seed: seed, count: contract.parameters.count, waiting: {})
      })
  }

  /// Has θ written in the files of the model's own libraries.
  ///
  /// - Parameter folder: in full; it is there and empty.
  package func export(_ set: ParameterSet, to folder: String) throws(ModelFailure) {
    let session = ProgramSession(program, pool, options: options, waiting: {})
    try session.asked { (process) throws(Fault) in
      try process.export(set, to: folder, waiting: {})
    }
  }

  package func session(waiting: @escaping @Sendable () -> Void) -> any ModelSession {
    ProgramSession(program, pool, options: options, waiting: waiting)
  }
}
