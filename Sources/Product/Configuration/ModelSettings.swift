/// `model.*`: the network, and what it begins with.
package struct ModelSettings: Hashable, Sendable {
  package var width = 64
  package var depth = 3
  package var heads = 4
  package var initialWeights = InitialWeights.base

  static let keys: [Key] = [
    .integer(
      "model.width", \.model.width, 16...4096, "Width of the network; 16 · heads divides it."),
    .integer("model.depth", \.model.depth, 1...64, "Blocks of the network."),
    .integer("model.heads", \.model.heads, 1...64, "Attention heads."),
    .text(
      "model.init", \.model.initialWeights.text,
      "base (shipped with the task), random, or a safetensors file."),
  ]

  func check() throws(ConfigurationError) {
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
