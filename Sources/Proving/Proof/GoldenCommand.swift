import ArgumentParser
import Dialogue
import Foundation
import Golden
import Records

struct GoldenCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "golden", abstract: "Compare with numbers that other projects' code wrote.",
    discussion: """
      Golden files hold inputs and what other implementations of GRPO and \
      TempFlow-GRPO give for them. Every number must agree within 1e-5, or the \
      exit code is 1.

      Example:
        tributary golden Tests/Golden
      """)

  @Argument(help: "A folder of golden files.")
  var directory: String

  @Flag(help: "Print the outcome as one JSON object.")
  var json = false

  func run() throws {
    let reports: [GoldenReport]
    do {
      reports = try GoldenSuite.run(directory: directory)
    } catch {
      throw RunFailure(.usage, "\(error)")
    }
    for report in reports {
      let name = Console.left(report.file, 32)
      if report.status == .unsupported {
        Console.line("\(name)unsupported")
        continue
      }
      let worst = String(format: "%.1e", report.worstDeviation)
      let cases = Console.right("\(report.cases)", 3)
      Console.line("\(name)\(cases) cases  worst deviation \(worst)  \(report.status)")
      for failure in report.failures { Console.line("  \(failure)") }
    }
    let failed = reports.filter { $0.status == .failed }
    if json {
      try Console.json([
        "passed": reports.filter { $0.status == .passed }.map(\.file),
        "failed": failed.map(\.file),
        "unsupported": reports.filter { $0.status == .unsupported }.map(\.file),
        "files": Dictionary(
          uniqueKeysWithValues: reports.map {
            (
              $0.file,
              [
                "cases": $0.cases, "worst_deviation": jsonNumber($0.worstDeviation),
                "status": $0.status.rawValue,
              ] as [String: Any]
            )
          }),
      ])
    }
    if !failed.isEmpty {
      throw RunFailure(.golden, "\(failed.map(\.file).joined(separator: ", ")) failed")
    }
  }
}
