package import Flow
import Programs
package import Rewards

/// Why a unit has no trajectory: what the model or a reward was asked, and did not answer.
package enum UnitFailure: Error, Hashable, CustomStringConvertible {
  case model(ModelFailure)
  case reward(RewardFailure)

  package var description: String {
    switch self {
    case .model(let failure): failure.description
    case .reward(let failure): failure.description
    }
  }

  /// The same without a word of what the model or the reward itself said.
  package var outline: String {
    switch self {
    case .model(let failure): "model: \(failure.outline)"
    case .reward(let failure): failure.outline
    }
  }

  /// Whose program's last lines ``errorLines`` are.
  package var culprit: String {
    switch self {
    case .model: "model"
    case .reward(let failure): failure.reward
    }
  }

  /// The last lines that a program wrote to standard error, each with its number.
  package var errorLines: [String] {
    switch self {
    case .model(let failure): failure.errorLines
    case .reward(let failure): failure.fault.errorLines
    }
  }
}
