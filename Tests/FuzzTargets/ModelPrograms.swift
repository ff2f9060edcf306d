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

  /// A folder of peft: two bytes with the length of its configuration, that, and its tensors.
  static let adapter = FuzzTarget("adapter", byteLimit: 4_096) { bytes in
    guard bytes.count >= 2 else { return }
    let count = min(Int(bytes[0]) | Int(bytes[1]) << 8, bytes.count - 2)
    let (configuration, tensors) = (Array(bytes[2..<2 + count]), Array(bytes[(2 + count)...]))
    let read = try decode(bytes, within: .foreign) { _ throws(AdapterError) in
      try PEFTAdapter(configuration: configuration, tensors: tensors, of: "folder")
    }
    guard let read else { return }
    let files = try PEFTAdapter.folder(read.file, form: read.form, base: "")
    let again = try? PEFTAdapter(
      configuration: files.configuration, tensors: files.tensors, of: "folder")
    try require(
      again?.form == read.form
        && again?.tensors.map { $0.scalars.map(\.bitPattern) }
          == read.tensors.map { $0.scalars.map(\.bitPattern) },
      "an adapter is another after writing")
    let file = try? PEFTAdapter(file: read.file.encoded(), of: "file")
    try require(file?.tensors.map(\.name) == read.tensors.map(\.name), "our file is another")
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
