import ArgumentParser
import Benchmarks
import Dialogue
import Foundation
import Records

struct BenchKernelsCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "kernels",
    abstract:
      "Every kernel of every kernel set, compared with the arithmetic or memory that bounds it.",
    discussion: """
      Example:
        tributary bench kernels --sets portable,avx2
      """)

  @Option(
    help: "Some of portable, avx2, avx512, separated by commas; all that there are if not given.")
  var sets: String?

  @Option(help: "Networks whose products and attention are measured: some of C1, C2, C3, C4, S.")
  var config = "C2,S"

  @Option(help: "Rounds, of which the fastest counts.")
  var rounds = 7

  @Flag(help: "Print the report as one JSON object.")
  var json = false

  func validate() throws {
    guard (1...1000).contains(rounds) else {
      throw ValidationError("--rounds \(rounds) is not in 1...1000")
    }
  }

  func run() throws {
    let known = KernelBenchmark.sets
    let wanted = sets.map { $0.split(separator: ",").map(String.init) } ?? known
    if let unknown = wanted.first(where: { !known.contains($0) }) {
      throw RunFailure(
        .usage, "unknown kernel set \(unknown); this processor has \(known.joined(separator: ", "))"
      )
    }
    var scope = KernelBenchmark.Scope(networks: try ModelConfiguration.named(config))
    scope.rounds = rounds
    let report = KernelBenchmark.run(sets: wanted, scope)
    for (name, rows) in report.sets {
      Console.line(
        Console.left(name, 24) + Console.left("rows×columns×inner", 26)
          + Console.right("rate", 9) + Console.right("bound", 9) + Console.left("", 9)
          + Console.right("share", 7) + Console.right("ns/row", 12))
      for row in rows {
        Console.line(
          Console.left(row.kernel, 24) + Console.left(row.size, 26)
            + Console.right(Console.number(row.rate, digits: 1), 9)
            + Console.right(Console.number(row.bound, digits: 1), 9)
            + Console.left(row.isArithmetic ? " GFLOP/s" : " GB/s", 9)
            + Console.right(Console.number(row.rate / row.bound, digits: 2), 7)
            + Console.right(Console.number(row.nanosecondsPerRow, digits: 1), 12))
      }
    }
    guard json else { return }
    try Console.json([
      "sets": report.sets.map { name, rows in
        [
          "name": name,
          "kernels": rows.map { row in
            [
              "kernel": row.kernel, "size": row.size, "rows": row.rows,
              "unit": row.isArithmetic ? "GFLOP/s" : "GB/s", "rate": row.rate,
              "bound": row.bound, "of_bound": row.rate / row.bound,
              "ns_per_row": row.nanosecondsPerRow,
            ] as [String: Any]
          },
        ] as [String: Any]
      }
    ])
  }
}
