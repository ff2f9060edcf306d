import Foundation
package import Programs
import Records

/// Where a tensor of a message stands.
struct TensorPlace: Codable, Hashable {
  enum Scalar: String, Codable {
    case f32, i32, u8

    var bytes: Int { self == .u8 ? 1 : 4 }
  }

  enum Medium: String, Codable { case inline, memory }

  var dtype: Scalar
  var shape: [Int]
  var at: Medium
  var offset: Int

  var byteCount: Int { shape.reduce(1, *) * dtype.bytes }
}

/// The header of a question to a model's program; each question has the fields that it needs.
struct ModelQuestion: Encodable {
  struct Prompt: Encodable {
    var id: Int32
    var text: String
    var negative: String?
    var metadata: Metadata?
  }

  var ask: String
  var call = 0
  /// Bytes of the memory file, where tensors stand in it.
  var memory: Int?
  /// Bytes behind the header.
  var inline: Int?
  // hello
  var `protocol`: Int?
  var role: String?
  var seed: UInt64?
  var tributary: String?
  // parameters
  var slot: Int?
  var digest: String?
  var theta: TensorPlace?
  // prompts
  var prompts: [Prompt]?
  var forget: [Int32]?
  // velocities, pullback and pictures
  var guidance: Float?
  var prompt: TensorPlace?
  var sigma: TensorPlace?
  var x: TensorPlace?
  var slopes: TensorPlace?
  var keep: Bool?
  var kept: Int?
  var into: TensorPlace?
  // export
  var folder: String?

  init(_ ask: String) { self.ask = ask }

  static let headerLimit = 1 << 20
  static let inlineLimit = 65_536

  /// The header's bytes.
  func encoded() throws(Fault) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let header = try? encoder.encode(self), header.count <= Self.headerLimit else {
      throw Fault(.unsuitable, "the question \(ask) is longer than \(Self.headerLimit) bytes")
    }
    return Array(header)
  }
}

/// The header of an answer, as far as every answer has it.
package struct ModelAnswer: Decodable, Sendable {
  package var answer: String
  package var call: Int
  package var inline: Int?
  /// Of `parameters`.
  package var digest: String?
  /// Of `error`.
  package var sentence: String?
  package var retry: Bool?

  /// Reads a header, which may be anybody's.
  package init(decoding header: [UInt8]) throws(Fault) {
    guard let json = ForeignJSON.checked(header),
      let answer = try? JSONDecoder().decode(ModelAnswer.self, from: Data(json))
    else {
      throw Fault(
        .garbage, "its answer's header is no answer", quoting: Fault.beginning(of: header))
    }
    guard (0...ModelQuestion.inlineLimit).contains(answer.inline ?? 0) else {
      throw Fault(
        .oversize,
        "its answer has \(answer.inline ?? 0) bytes behind the header, up to"
          + " \(ModelQuestion.inlineLimit) are allowed")
    }
    self = answer
  }

  /// Whether it is the answer to a question.
  func check(_ question: ModelQuestion) throws(Fault) {
    guard call == question.call else {
      throw Fault(.garbage, "it answers call \(call), asked was call \(question.call)")
    }
    if answer == "error" {
      throw Fault(
        .refused, "it says that it cannot answer \(question.ask)",
        quoting: Fault.beginning(of: (sentence ?? "").utf8))
    }
    guard answer == question.ask else {
      throw Fault(
        .garbage, "it answers something else than \(question.ask)",
        quoting: Fault.beginning(of: answer.utf8))
    }
  }
}
