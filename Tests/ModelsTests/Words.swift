import Flow
import Foundation
import Network
import Programs
import Records
import Tensor
import Testing
import TestSupport

import Models

/// The model of `Programs/model.py`, computed here a second time, and processes of it.
struct Words {
  var latent = 3
  var guidance: Float = 1

  /// A prompt's k.
  static func weight(_ prompt: Prompt) -> Float {
    let metadata = try? JSONSerialization.jsonObject(with: Data(prompt.metadata.utf8))
    let more = (metadata as? [String: Any])?["more"] as? Int ?? 0
    return Float(prompt.text.utf8.count - prompt.negative.utf8.count + more)
  }

  /// The prompt of each row.
  private func prompts(of rows: ModelRows) -> [Prompt] {
    zip(rows.prompts, rows.rowsOfPrompt).flatMap { Array(repeating: $0, count: $1) }
  }

  func velocities(of rows: ModelRows, under theta: [Float]) -> [Float] {
    var result: [Float] = []
    for (row, prompt) in prompts(of: rows).enumerated() {
      for i in 0..<latent {
        let none = theta[i] * rows.states[row * latent + i] + theta[latent + i]
        let own = none + (rows.sigmas[row] * theta[2 * latent + i]) * Self.weight(prompt)
        result.append(guidance == 1 ? own : guidance * own + (1 - guidance) * none)
      }
    }
    return result
  }

  /// ∂L/∂θ as pieces of at most so many rows add up, from what was there before.
  func gradient(
    of rows: ModelRows, slopes: [Float], upTo most: Int, addedTo start: [Float]
  ) -> [Float] {
    let prompts = prompts(of: rows)
    var sum = start
    for first in stride(from: 0, to: rows.count, by: most) {
      var part = [Float](repeating: 0, count: 3 * latent)
      for row in first..<min(first + most, rows.count) {
        for i in 0..<latent {
          let slope = slopes[row * latent + i]
          part[i] += slope * rows.states[row * latent + i]
          part[latent + i] += slope
          part[2 * latent + i] +=
            guidance * slope * rows.sigmas[row] * Self.weight(prompts[row])
        }
      }
      for place in sum.indices { sum[place] += part[place] }
    }
    return sum
  }

  func theta(_ seed: UInt64) -> ParameterSet {
    var random = SplitMix64(seed: seed)
    return ParameterSet(Buffer(floats(3 * latent, &random)))
  }

  /// Rows of some prompts, each with as many as its place says.
  func rows(_ prompts: [Prompt], each: Int, seed: UInt64 = 5) -> ModelRows {
    var random = SplitMix64(seed: seed)
    let count = prompts.count * each
    return ModelRows(
      states: floats(count * latent, &random),
      sigmas: (0..<count).map { _ in .random(in: 0...1, using: &random) }, prompts: prompts,
      rowsOfPrompt: prompts.map { _ in each })
  }

  static let prompts = [
    Prompt(text: "north", category: "mode"),
    Prompt(text: "äußerst", category: "mode", negative: "low"),
    Prompt(
      text: "a \"red\"\n\\circle", category: "mode", metadata: #"{"more":7,"else":[1,{"a":null}]}"#),
    .none,
  ]
}

/// Processes of `Programs/model.py`, and what they wrote down.
final class WordsProgram {
  let folder: ScratchFolder
  private let arguments: String
  var options = ModelOptions()

  /// - Parameter arguments: of the program, beside the files that it writes.
  init(_ arguments: String = "") throws {
    folder = try ScratchFolder()
    self.arguments = arguments
    options.timeout = 120
    options.retries = 0
  }

  var command: ProgramCommand {
    let script = "\(repositoryRoot())/Tests/ModelsTests/Programs/model.py"
    return ProgramCommand(
      "python3 \(script) \(arguments) --log \(folder.file("log")) --count \(folder.file("count"))",
      in: nil)
  }

  /// What a program of these arguments says of itself when nothing goes wrong.
  func contract() throws -> ProgramContract {
    let words = arguments.split(separator: " ")
    func value(_ name: String, _ usual: Int) -> Int {
      words.firstIndex(of: "--\(name)").flatMap { Int(words[$0 + 1]) } ?? usual
    }
    var json = ContractText()
    let latent = value("latent", 3)
    json.fields["latent"] = [latent]
    json.fields["parameters"] = ["scale", "shift", "word"].map { ["name": $0, "shape": [latent]] }
    json.fields["max_rows"] = value("rows", 8)
    json.fields["slots"] = value("slots", 4)
    json.fields["prompts"] = value("prompts", 64)
    return try ProgramContract(decoding: try json.bytes())
  }

  func model(processes: Int = 1, role: ModelRole = .learner) throws -> ModelProgram {
    options.processes = processes
    return ModelProgram(command, is: try contract(), role: role, options: options)
  }

  /// The lines that its processes wrote, in order.
  func log() throws -> [[String: Any]] {
    guard let data = FileManager.default.contents(atPath: folder.file("log")) else { return [] }
    return try String(decoding: data, as: UTF8.self).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  func asked(_ name: String) throws -> [[String: Any]] {
    try log().filter { $0["ask"] as? String == name }
  }

  /// Its processes and what they started.
  func pids() throws -> Set<pid_t> {
    Set(
      try log().flatMap { line in
        ["pid", "child"].compactMap { (line[$0] as? Int).map { pid_t($0) } }
      })
  }

  /// Those that run: a number may be somebody else's by now.
  func living() -> [pid_t] {
    let pids = (try? pids()) ?? []
    return pids.sorted().filter { pid in
      let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
      return String(decoding: line, as: UTF8.self).contains(folder.path)
    }
  }

  func expectGone(_ pids: Set<pid_t>) {
    for pid in pids { waitUntil("process \(pid) to be gone") { hasEnded(pid) } }
  }
}

/// A contract as JSON, field by field.
struct ContractText {
  var fields: [String: Any] = [
    "protocol": 1, "model": ["name": "words", "version": "1"],
    "base": String(repeating: "a", count: 64),
    "parameters": ["scale", "shift", "word"].map { ["name": $0, "shape": [3]] },
    "latent": [3], "picture": [2, 3], "guidance": "linear", "evaluations": 2, "class": "float32",
    "exact": true, "row_invariant": true, "pullback_exact": true, "max_rows": 8, "slots": 4,
    "prompts": 64, "metadata": ["more"],
  ]

  func bytes() throws -> [UInt8] { Array(try JSONSerialization.data(withJSONObject: fields)) }
}

extension ModelProgram {
  /// What a call fails with; nil if it does not.
  static func failure<Value>(_ call: () throws(ModelFailure) -> Value) -> ModelFailure? {
    do throws(ModelFailure) {
      _ = try call()
      return nil
    } catch {
      return error
    }
  }
}
