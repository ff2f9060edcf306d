import ArgumentParser
import Dialogue
import Foundation
import Models
import Network
import Programs
import Records
import Release

struct ModelCheckCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check that a model's program computes what it says, before a run depends on it.",
    discussion: """
      Is θ applied, all of it? Are equal questions answered equally, by every process, alone and \
      among other rows? Is v a velocity, and pullback its derivative? Exit code 4 if a check fails \
      or a promise is not kept.

      --reference compares v with what the model's own code computes, which is how a wrong σ or \
      sign is found of any model: tributary.torch.write_reference makes the file.

      Examples:
        tributary model check python3 model.py
        tributary model check --prompt north python3 -m tributary.shapes --task density
        tributary model check --reference own.safetensors run.yaml
      """)

  @Option(help: "The most rows of one question.")
  var rows = 64

  @Option(name: .customLong("prompt"), help: "A prompt to ask about; may be given again.")
  var prompts: [String] = []

  @Option(help: "Seed of θ and of everything that is drawn, 0 ... 2147483647.")
  var seed: UInt64?

  @Option(help: "Seconds for an answer; the first of each kind has ten times as long.")
  var timeout = 120.0

  @Option(help: "What the model's own code computes (safetensors).")
  var reference: String?

  @Flag(help: "Print the findings as one JSON object.")
  var json = false

  @OptionGroup var source: ModelSource

  /// Words that most models know, and the built-in task too.
  private static let plainPrompts = ["a red circle", "a blue square", "two green triangles"]

  func validate() throws {
    guard (1...65_536).contains(rows) else {
      throw ValidationError("--rows \(rows) is not in 1...65536")
    }
    guard (seed ?? 0) < 1 << 31 else {
      throw ValidationError("--seed \(seed ?? 0) is not below 2147483648")
    }
    guard timeout > 0 else { throw ValidationError("--timeout \(timeout) is not positive") }
  }

  func run() throws {
    let command = try source.command()
    var options = ModelCheck.Options()
    options.rows = rows
    options.timeout = timeout
    options.release = Release.version
    options.prompts = (prompts.isEmpty ? Self.plainPrompts : prompts).map {
      Prompt(text: $0, category: "prompts")
    }
    options.reference = try reference.map(readReference)
    options.seed = seed ?? options.reference?.seed ?? 0
    Console.live("starting \(command)")
    let check: ModelCheck
    do throws(Fault) {
      check = try ModelCheck(command, options: options)
    } catch {
      Console.live("")
      throw RunFailure(.mismatch, error.report)
    }
    let close = check.close
    let interrupts = Interrupts {
      close()
      _exit(RunFailure.Code.interrupted.rawValue)
    }
    defer {
      interrupts.cancel()
      close()
    }
    let findings = check.examine(begins: { Console.live("checking: \($0)") }, show: Self.show)
    Console.live("")
    try conclude(findings, of: check.contract)
  }

  private func readReference(_ path: String) throws -> ModelReference {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw RunFailure(.usage, "there is no \(path), or it cannot be read")
    }
    do {
      return try ModelReference(try SafeTensors(decoding: Array(data)))
    } catch {
      throw RunFailure(.usage, "\(path): \(error)")
    }
  }

  private static func show(_ finding: ModelFinding) {
    let style: Console.Style =
      switch finding.verdict {
      case .ok: .good
      case .failed, .broken, .doubtful: .warning
      case .unpromised, .information: .plain
      }
    let allowed = finding.allowed.isEmpty ? "" : " (allowed: \(finding.allowed))"
    Console.line(
      Console.left(finding.name, 15) + Console.left(finding.verdict.word, 17) + finding.measured
        + allowed,
      style)
    for line in finding.advice.split(separator: "\n") {
      Console.line(String(repeating: " ", count: 32) + line)
    }
  }

  private func conclude(_ findings: [ModelFinding], of contract: ProgramContract) throws {
    let failed = findings.filter { !$0.isHealthy }
    if json {
      try Console.json([
        "model": contract.model.name, "version": contract.model.version, "base": contract.base,
        "class": contract.class, "healthy": failed.isEmpty,
        "checks": findings.map { finding in
          [
            "name": finding.name, "verdict": finding.verdict.rawValue, "healthy": finding.isHealthy,
            "measured": finding.measured, "allowed": finding.allowed, "advice": finding.advice,
            "values": finding.values.mapValues(jsonNumber),
          ] as [String: Any]
        },
      ])
    }
    guard failed.isEmpty else {
      throw RunFailure(
        .mismatch,
        "\(Console.count(failed.count, "check")) of \(findings.count) failed:"
          + " \(failed.map(\.name).joined(separator: ", "))")
    }
    Console.line("\(findings.count) checks, none failed")
  }
}

extension ModelFinding.Verdict {
  /// As the table has it: what ends with exit code 4 is seen.
  fileprivate var word: String { self == .failed ? "FAILED" : rawValue }
}
