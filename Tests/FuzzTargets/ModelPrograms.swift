import Flow
import Models
import Network
import Programs

extension FuzzTarget {
  /// The header of what a model's program answers.
  static let modelAnswer = FuzzTarget("model-answer", byteLimit: 1_024) { bytes in
    let answer = try decode(bytes, within: .foreign) { try ModelAnswer(decoding: $0) }
    guard let answer else { return }
    try require(
      (0...ModelQuestion.inlineLimit).contains(answer.inline ?? 0),
      "\(answer.inline ?? 0) bytes may follow")
  }

  /// What a model's program says of itself.
  static let modelContract = FuzzTarget("model-contract", byteLimit: 2_048) { bytes in
    let contract = try decode(bytes, within: .foreign) { try ProgramContract(decoding: $0) }
    guard let contract else { return }
    let again = try decodeOwn(contract.json, within: .foreign) {
      try ProgramContract(decoding: $0)
    }
    try require(again == contract, "a contract is another after writing: \(contract)")
    try require(
      contract.differences(from: again.summary).isEmpty, "a contract differs from itself")
    let model = contract.contract
    try require(
      (1...1 << 30).contains(model.parameters.count) && (1...1 << 22).contains(model.latentCount),
      "\(model.parameters.count) parameters, \(model.latentCount) numbers in a latent")
  }
}
