import Foundation
package import Programs
package import Records

/// Where a tensor of a message stands.
package struct TensorPlace: Codable, Hashable {
  package enum Scalar: String, Codable {
    case f32, i32, u8

    var bytes: Int { self == .u8 ? 1 : 4 }
  }

  package enum Medium: String, Codable { case inline, memory }

  package var dtype: Scalar
  package var shape: [Int]
  package var at: Medium
  package var offset: Int

  package var byteCount: Int { shape.reduce(1, *) * dtype.bytes }
}

/// The header of a question to a model's program; each question has the fields that it needs.
package struct ModelQuestion: Encodable {
  package struct Prompt: Encodable {
    var id: Int32
    var text: String
    var negative: String?
    var metadata: Metadata?

    package init(id: Int32, text: String, negative: String? = nil, metadata: Metadata? = nil) {
      self.id = id
      self.text = text
      self.negative = negative
      self.metadata = metadata
    }
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
  package var prompts: [Prompt]?
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

  package init(_ ask: String) { self.ask = ask }

  static let headerLimit = 1 << 20
  package static let inlineLimit = 65_536

  /// The header's bytes.
  package func encoded() throws(Fault) -> [UInt8] {
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

  private static let sentenceLimit = 1_024

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
      // What it does not offer to try again is final.
      throw Fault(
        retry == true ? .refused : .unsuitable, "it says that it cannot answer \(question.ask)",
        quoting: String(decoding: (sentence ?? "").utf8.prefix(Self.sentenceLimit), as: UTF8.self))
    }
    guard answer == question.ask else {
      throw Fault(
        .garbage, "it answers something else than \(question.ask)",
        quoting: Fault.beginning(of: answer.utf8))
    }
  }
}
