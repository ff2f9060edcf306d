import ArgumentParser
import Benchmarks
import Dialogue
import Foundation
import Network
import Records

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure this machine.",
    subcommands: [
      BenchModelCommand.self, BenchUpdateCommand.self, BenchKernelsCommand.self,
      BenchWireCommand.self, BenchIngestCommand.self, BenchPackingCommand.self,
    ])
}

struct BenchModelCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "model",
    abstract:
      "Forward and training rates of networks, compared with OpenBLAS on the same products.",
    discussion: """
      Example:
        tributary bench model --config C2,S --threads 2
      """)

  @Option(help: "Threads, each with rows of its own.")
  var threads = 1

  @Option(help: "Some of C1, C2, C3, C4, S, separated by commas.")
  var config = "C1,C2,C3,C4,S"

  @Option(help: "Samples of one measured pass.")
  var batch = 64

  @Flag(help: "Print the report as one JSON object.")
  var json = false

  func validate() throws {
    guard (1...64).contains(threads) else {
      throw ValidationError("--threads \(threads) is not in 1...64")
    }
    guard (1...65_536).contains(batch) else {
      throw ValidationError("--batch \(batch) is not in 1...65536")
    }
  }

  func run() throws {
    let configurations = try ModelConfiguration.named(config)
    let report = ModelBenchmark.run(configurations: configurations, batch: batch, threads: threads)
    Console.line(
      "\(report.core), \(threads) threads, FMA peak \(Console.number(report.peakRate, digits: 0)) GFLOP/s"
    )
    Console.line(
      "      forward/s   train/s   forward GF/s  of sgemm   train GF/s  of sgemm   sgemm GF/s")
    for row in report.rows {
      let columns = [
        Console.number(row.forwardSamplesPerSecond, digits: 0),
        Console.number(row.trainSamplesPerSecond, digits: 0),
        Console.number(row.forwardRate, digits: 0),
        Console.number(row.forwardRate / row.sgemmForwardRate, digits: 2),
        Console.number(row.trainRate, digits: 0),
        Console.number(row.trainRate / row.sgemmTrainRate, digits: 2),
        Console.number(row.sgemmForwardRate, digits: 0) + " / "
          + Console.number(row.sgemmTrainRate, digits: 0),
      ]
      Console.line(
        row.configuration.name + "  "
          + columns.map {
            String(repeating: " ", count: max(1, 11 - $0.count)) + $0
          }.joined())
    }
    guard json else { return }
    try Console.json([
      "core": report.core, "threads": report.threads, "fma_peak_gflops": report.peakRate,
      "configs": report.rows.map { row in
        let shape = row.configuration.shape
        return [
          "name": row.configuration.name, "params": row.parameters,
          "latent_tokens": shape.latentTokens, "prompt_tokens": row.configuration.promptTokens,
          "width": shape.width, "depth": shape.depth, "heads": shape.heads, "batch": row.batch,
          "forward_samples_per_s": row.forwardSamplesPerSecond,
          "train_samples_per_s": row.trainSamplesPerSecond, "forward_gflops": row.forwardRate,
          "train_gflops": row.trainRate, "sgemm_forward_gflops": row.sgemmForwardRate,
          "sgemm_train_gflops": row.sgemmTrainRate,
          "forward_of_sgemm": row.forwardRate / row.sgemmForwardRate,
          "train_of_sgemm": row.trainRate / row.sgemmTrainRate,
        ] as [String: Any]
      },
    ])
  }
}

extension ModelConfiguration {
  /// Those of a list such as `C2,S`.
  static func named(_ list: String) throws -> [ModelConfiguration] {
    try list.split(separator: ",").map { name in
      guard let found = all.first(where: { $0.name == name }) else {
        throw RunFailure(.usage, "unknown configuration \(name); known are C1, C2, C3, C4 and S")
      }
      return found
    }
  }
}
