import Flow
import Network
package import Programs
package import Records
import Tensor

/// The examination of a model's program before anything is trained with it: the protocol's rules, the
/// contract's promises, and what would be wrong without a word.
///
/// Two processes of the program are asked, as an actor's and a learner's would be.
package final class ModelCheck {
  package struct Options: Sendable {
    /// The most rows of one question.
    package var rows = 64
    package var prompts: [Prompt] = []
    /// Of θ and of everything that is drawn, 0 ..< 2³¹.
    package var seed: UInt64 = 0
    package var timeout = 120.0
    package var release = ""
    package var reference: ModelReference?

    package init() {}
  }

  package let contract: ProgramContract
  let options: Options
  let actor: ModelProcess
  let learner: ModelProcess
  /// As many as a question may have.
  let rows: ProbeRows
  private var known: Parameters?
  /// Whether equal questions were answered differently, and not by rounding alone.
  var isRandom = false

  /// Starts the program and asks what it says of itself.
  package init(_ command: ProgramCommand, options: Options) throws(Fault) {
    self.options = options
    var running = ModelOptions()
    running.timeout = options.timeout
    running.seed = options.seed
    running.release = options.release
    actor = ModelProcess(command, role: .actor, options: running, expected: nil)
    contract = try actor.contract()
    actor.expect(contract)
    learner = ModelProcess(command, role: .learner, options: running, expected: contract)
    rows = ProbeRows(
      min(options.rows, contract.maxRows), latentCount: contract.contract.latentCount,
      prompts: options.prompts, seed: options.seed)
  }

  /// Ends the program; may be called from any thread.
  package var close: @Sendable () -> Void {
    let processes = [actor, learner]
    return { ModelProcess.close(processes) }
  }

  private typealias Check = () throws(Fault) -> ModelFinding?

  /// What is looked at whatever the answers are.
  private var always: [(name: String, check: Check)] {
    [
      ("contract", contractHolds), ("same twice", velocitiesAreEqual),
      ("two processes", processesAgree), ("graph kept", keptGraphChangesNothing),
      ("pullback twice", pullbackIsEqual), ("pullback kept", pullbackOfKeptGraph),
    ]
  }

  /// What can only be told of a function: of a program that draws at random it cannot.
  private var ofFunctions: [(name: String, check: Check)] {
    [
      ("initial θ", initialParametersAreEqual), ("θ matters", parametersMatter),
      ("adapter off", adapterIsOff), ("slopes", slopesAreRight), ("prompts", promptsMatter),
      ("guidance", guidanceIsAsSaid), ("neighbours", neighboursChangeNothing),
      ("ratio", ratioIsOne), ("σ", sigmaMatters), ("ODE", solutionsConverge),
      ("convention", conventionHolds), ("reference", referenceIsMet),
    ]
  }

  private var last: [(name: String, check: Check)] {
    [("pictures", picturesAreEqual), ("end", programEnds), ("throughput", throughput)]
  }

  /// Makes all checks, one after the other.
  ///
  /// - Parameters:
  ///   - begins: hears the name of each check as it begins.
  ///   - show: hears each finding when it is there.
  package func examine(
    begins: (String) -> Void = { _ in }, show: (ModelFinding) -> Void
  ) -> [ModelFinding] {
    var findings: [ModelFinding] = []
    /// - Returns: false where nothing more can be asked.
    func make(_ checks: [(name: String, check: Check)]) -> Bool {
      for (name, check) in checks {
        begins(name)
        var finding: ModelFinding?
        do throws(Fault) {
          finding = try check()
        } catch {
          if error == .closed { return false }
          finding = ModelFinding(
            name, .failed, error.description, advice: Self.advice(on: error))
        }
        guard let finding else { continue }
        findings.append(finding)
        show(finding)
        // Without θ nothing can be asked.
        if known == nil, name != "contract" { return false }
      }
      return true
    }
    guard make(always) else { return findings }
    if isRandom {
      let finding = ModelFinding(
        "other checks", .information,
        "\(ofFunctions.count) more checks are of functions, and not made of answers that differ so much"
      )
      findings.append(finding)
      show(finding)
    } else {
      guard make(ofFunctions) else { return findings }
    }
    _ = make(last)
    return findings
  }

  private static func advice(on fault: Fault) -> String {
    if fault.kind == .refused, fault.outline.hasSuffix("cannot answer prompts") {
      return "Name prompts that it knows: --prompt."
    }
    return fault.errorLines.joined(separator: "\n")
  }

  // MARK: What checks have in common

  /// θ that is tried.
  struct Parameters {
    let initial: ParameterSet
    /// The scale of a small change of each scalar, `[P]`: a tenth of its tensor's size, or 0.02 of one that
    /// is zero.
    let scale: [Float]
    /// Where all tensors are moved a little, so that each has its part in v.
    let moved: ParameterSet
    /// Where the σ convention is looked at: the initial θ, unless v is zero there.
    let natural: ParameterSet
  }

  func parameters() throws(Fault) -> Parameters {
    if let known { return known }
    let start = try actor.initialParameters(
      seed: options.seed, count: contract.manifest.count, waiting: {})
    var scale: [Float] = []
    scale.reserveCapacity(start.count)
    for entry in contract.manifest.entries {
      let size = Float(rootMeanSquare(Array(start[scale.count..<scale.count + entry.count])))
      scale += repeatElement(size > 0 ? size / 10 : 0.02, count: entry.count)
    }
    let initial = ParameterSet(Buffer(start))
    let moved = ParameterSet(
      Buffer(moved(start, along: direction(1, scale: scale), by: 1)))
    let isZero = try velocities(rows.first(4), under: initial).allSatisfy { $0 == 0 }
    let made = Parameters(
      initial: initial, scale: scale, moved: moved, natural: isZero ? moved : initial)
    known = made
    return made
  }

  /// A random direction of θ, `[P]`.
  func direction(_ number: Int, scale: [Float]) -> [Float] {
    let drawn = normals(seed: options.seed ^ 0x7468_6574, at: number, count: scale.count)
    return zip(drawn, scale).map(*)
  }

  func moved(_ theta: [Float], along direction: [Float], by step: Float) -> [Float] {
    zip(theta, direction).map { $0 + step * $1 }
  }

  /// v, `[R, D]`, of one process; of more rows than a question may have, cut as a run cuts them.
  func velocities(
    _ rows: ProbeRows, under set: ParameterSet, of process: ModelProcess? = nil,
    guidance: Float = 1, keeps: Bool = false
  ) throws(Fault) -> [Float] {
    var v: [Float] = []
    for piece in rows.pieces(upTo: contract.maxRows) {
      v += try (process ?? actor).velocities(
        of: piece, under: set, guidance: guidance, keeps: keeps, waiting: {})
    }
    return v
  }

  /// Equal where they must be; what else it is that two answers to one question differ.
  func equality(
    _ name: String, _ difference: Difference, promised: Bool, what: String, advice: String = "",
    values: [String: Double] = [:]
  ) -> ModelFinding {
    let values = values.merging(["largest": difference.largest, "relative": difference.relative]) {
      $1
    }
    let measured = "\(what) differ by up to \(difference.text)"
    if difference.isNone {
      return ModelFinding(
        name, .ok, "\(what) are equal to the bit", allowed: "0", values: values)
    }
    return ModelFinding(
      name, promised ? .broken : .unpromised, measured, allowed: promised ? "0" : "",
      advice: advice, values: values)
  }
}
