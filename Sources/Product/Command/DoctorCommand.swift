import ArgumentParser
import Configuration
import Dialogue
import Learning
import Models
import Records

struct DoctorCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Check a preset in a second: ratio, gradient, a trivial reward.",
    discussion: """
      The same checks run before the first update of every run. Exit code 4 if one
      fails.

      Example:
        tributary doctor my.yaml --set sample.steps=40
      """)

  @OptionGroup var source: ConfigurationSource

  @Flag(help: "Print the outcome as one JSON object.")
  var json = false

  func run() throws {
    let configuration = try source.read()
    let recipe = try configuration.recipe()
    let base = try source.base(of: configuration, recipe: recipe)
    let doctor = Doctor(recipe, base: base)
    let ofModel = recipe.model is ModelProgram ? try doctor.examineModel() : []
    let isWell = ofModel.allSatisfy(\.isHealthy)
    let findings = ofModel + (isWell ? try doctor.examine() : [])
    for finding in findings { Console.line(finding.line) }
    if json {
      try Console.json([
        "checks": findings.map {
          ["name": $0.name, "healthy": $0.isHealthy, "sentence": $0.sentence] as [String: Any]
        }
      ])
    }
    try Doctor.Finding.requireHealth(findings)
  }
}

extension Doctor.Finding {
  var line: String { "check \(isHealthy ? "ok " : "!  ")  \(sentence)" }

  /// - Throws: a `mismatch` that names the checks that failed.
  static func requireHealth(_ findings: [Doctor.Finding]) throws {
    let failed = findings.filter { !$0.isHealthy }
    guard failed.isEmpty else {
      throw RunFailure(
        .mismatch, "check: \(failed.map(\.sentence).joined(separator: "; ")). Nothing was trained")
    }
  }
}
