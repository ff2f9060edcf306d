import Foundation
package import Programs
import Records
import Tasks

/// What a program or a server is asked, and how its answer is read: the same JSON for both.
///
///     {"prompts": ["a photo of a circle", …], "images": ["iVBORw0K…", …]}    PNG, base64
///     {"prompts": […], "latents": [[0.25, …], …]}                           x₀, `[tokens · channels]`
///     {"prompts": […], …, "metadata": [{"count": 3}, null, …]}            where the prompts' file has more
///     {"rewards": [0.75, …]}                                                as many, finite
///     {"error": "no GPU left"}                                              or why there are none
package struct Question {
  /// One JSON object without a line break.
  let json: [UInt8]
  private let count: Int

  /// An answer with so many bytes is not read to its end.
  static let answerLimit = 1 << 20
  /// The largest score either way.
  private static let scoreLimit = 1e6

  private struct Body: Encodable {
    var prompts: [String]
    var images: [String]?
    var latents: [[Float]]?
    /// What the user's file says of each prompt, where it says anything of one.
    var metadata: [Metadata?]?
  }

  private struct Answer: Decodable {
    var rewards: [Double?]?
    var error: String?
  }

  /// - Throws: `unsuitable` for a PNG file where latents are asked for.
  init(about exhibits: ArraySlice<Exhibit>, input: RewardSource.Input, task: some Task)
    throws(Fault)
  {
    count = exhibits.count
    var body = Body(prompts: exhibits.map(\.prompt.text))
    if exhibits.contains(where: { !$0.prompt.metadata.isEmpty }) {
      body.metadata = exhibits.map { Metadata(json: $0.prompt.metadata) }
    }
    switch input {
    case .latent:
      var latents: [[Float]] = []
      for exhibit in exhibits {
        guard case .latent(let latent) = exhibit.result, latent.allSatisfy(\.isFinite) else {
          throw Fault(.unsuitable, "it judges latents, and this is a picture or not finite")
        }
        latents.append(latent)
      }
      body.latents = latents
    case .picture(let side):
      body.images = exhibits.map { exhibit in
        let png =
          switch exhibit.result {
          case .latent(let latent):
            (exhibit.picture ?? task.picture(of: latent, side: side)).png(isQuick: true)
          case .png(let bytes): bytes
          }
        return Data(png).base64EncodedString()
      }
    }
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      json = Array(try encoder.encode(body))
    } catch {
      throw Fault(.unsuitable, "the question cannot be written: \(error)")
    }
  }

  /// The scores in an answer.
  func scores(in answer: [UInt8]) throws(Fault) -> [Float] {
    try Self.scores(in: answer, count: count)
  }

  /// The same for so many pictures.
  package static func scores(in answer: [UInt8], count: Int) throws(Fault) -> [Float] {
    guard answer.count <= Self.answerLimit else { throw Self.oversize }
    guard let json = ForeignJSON.checked(answer) else {
      throw Fault(.garbage, "the answer is nested too deep", quoting: Fault.beginning(of: answer))
    }
    let decoded: Answer
    do {
      decoded = try JSONDecoder().decode(Answer.self, from: Data(json))
    } catch {
      // Some encoders write what JSON has no word for.
      let text = String(decoding: answer, as: UTF8.self)
      if text.contains("\"rewards\""), text.contains("NaN") || text.contains("Infinity") {
        throw Fault(.notFinite, "a score is NaN or infinite")
      }
      throw Fault(
        .garbage, "the answer is not {\"rewards\": [numbers]}", quoting: Fault.beginning(of: answer)
      )
    }
    if let error = decoded.error {
      throw Fault(
        .refused, "it says that it has no answer", quoting: Fault.beginning(of: error.utf8))
    }
    guard let rewards = decoded.rewards else {
      throw Fault(.garbage, "the answer has no \"rewards\"", quoting: Fault.beginning(of: answer))
    }
    guard rewards.count == count else {
      throw Fault(.wrongCount, "\(rewards.count) scores for \(count) pictures")
    }
    return try rewards.map { (score) throws(Fault) -> Float in
      guard let score, abs(score) <= Self.scoreLimit else {
        throw Fault(
          .notFinite,
          "a score is \(score.map { "\($0)" } ?? "null"); allowed are numbers within ±1000000")
      }
      return Float(score)
    }
  }

  static let oversize = Fault(.oversize, "the answer is longer than \(answerLimit) bytes")
}
