import Programs

/// `model.*`: the built-in network or a program, and what it begins with.
package struct ModelSettings: Hashable, Sendable {
  package var width = 64
  package var depth = 3
  package var heads = 4
  package var initialWeights = InitialWeights.base
  /// A program instead of the built-in network; empty for none.
  package var program = ""
  /// Where the program runs; empty for where this process runs.
  package var folder = ""
  /// What the program says of itself; see ``ProgramContract/summary``.
  package var contract = ""
  package var timeout = 120.0
  package var retries = 2
  package var processes = 1
  /// See ``PlacedVariables``.
  package var environment = ""
  package var tolerance = 1e-3
  package var adapter = AdapterSettings()

  static let keys: [Key] = [
    .integer(
      "model.width", \.model.width, 16...4096, "Width of the network; 16 · heads divides it."),
    .integer("model.depth", \.model.depth, 1...64, "Blocks of the network."),
    .integer("model.heads", \.model.heads, 1...64, "Attention heads."),
    .text(
      "model.init", \.model.initialWeights.text,
      "base (shipped with the task, or the program's own), random, a safetensors file, or for a program with an"
        + " adapter a folder that peft has saved."),
    .later(
      .text(
        "model.program", \.model.program, decidesNumbers: false,
        "A program that is the model, and its arguments; the network's sizes say nothing then.")),
    .later(
      .text(
        "model.folder", \.model.folder, decidesNumbers: false,
        "Where the model's program runs; set when the run begins.")),
    .later(
      .text(
        "model.contract", \.model.contract,
        "What the model's program says of itself; set when the run begins.")),
    .later(
      .number(
        "model.timeout", \.model.timeout, 0.1...86_400, decidesNumbers: false,
        "Seconds for an answer of the model's program; the first of each kind has ten times as long."
      )),
    .later(
      .integer(
        "model.retries", \.model.retries, 0...100, decidesNumbers: false,
        "How often a question is asked again of a new process.")),
    .later(
      .integer(
        "model.processes", \.model.processes, 1...64, decidesNumbers: false,
        "Processes of the model's program that the learner asks at once; an actor has one.")),
    .later(
      .text(
        "model.env", \.model.environment, decidesNumbers: false,
        "Variables of the learner's model processes, such as CUDA_VISIBLE_DEVICES={index%4}; {index} is the"
          + " number of the process.")),
    .later(
      .number(
        "model.tolerance", \.model.tolerance, 0...0.1, decidesNumbers: false,
        "How far velocities that are checked may be from recorded ones, as a share of the largest, of a"
          + " program whose rows depend on their batch.")),
  ]

  /// Of each of the learner's processes.
  func variables() throws(ConfigurationError) -> PlacedVariables {
    try PlacedVariables(environment, key: "model.env")
  }

  func check() throws(ConfigurationError) {
    _ = try variables()
    guard width % (16 * heads) == 0 else {
      throw .impossible(
        "model.width \(width) over model.heads \(heads) gives heads of \(width / heads) numbers;"
          + " they must be a multiple of 16, such as width \(16 * heads)")
    }
  }
}

/// `model.init`.
package enum InitialWeights: Hashable, Sendable {
  /// The base that the task ships.
  case base
  /// An untrained network's.
  case random
  /// A safetensors file's.
  case file(String)

  package var text: String {
    get {
      switch self {
      case .base: "base"
      case .random: "random"
      case .file(let path): path
      }
    }
    set {
      switch newValue {
      case "base": self = .base
      case "random": self = .random
      default: self = .file(newValue)
      }
    }
  }
}
