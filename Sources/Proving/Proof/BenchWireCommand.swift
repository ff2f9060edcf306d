import ArgumentParser
import Benchmarks
import Configuration
import Dialogue
import Foundation

struct BenchWireCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "wire",
    abstract: "Units from an actor to a learner that drops them, compared with bare libzmq.",
    discussion: """
      Sockets, envelopes and acknowledgements of a run against a DEALER and a ROUTER with plain libzmq \
      calls, over TCP loopback, in turns. Nothing is validated and nothing reaches a disk.

      Example:
        tributary bench wire --window 2,16
      """)

  @Option(help: "Units on their way at once, several separated by commas; an actor has 2.")
  var window = "2,16"

  @Option(help: "Measured rounds of each row.")
  var rounds = 7

  @Flag(help: "Print the report as one JSON object.")
  var json = false

  func validate() throws {
    guard !windows.isEmpty, windows.allSatisfy({ (1...64).contains($0) }) else {
      throw ValidationError("--window \(window) is not a list of numbers in 1...64")
    }
    guard (1...1000).contains(rounds) else {
      throw ValidationError("--rounds \(rounds) is not in 1...1000")
    }
  }

  private var windows: [Int] {
    let parts = window.split(separator: ",")
    let numbers = parts.compactMap { Int($0) }
    return numbers.count == parts.count ? numbers : []
  }

  func run() throws {
    var sizes = [("1 MiB", 1 << 20), ("64 KiB", 1 << 16)]
    for name in ["shapes", "density"] {
      sizes.append((name, try UnitSize.bytes(of: RunConfiguration(named: name).recipe())))
    }
    Console.line(
      "unit       bytes  window  CURVE    bare MB/s               own MB/s                own/bare")
    var rows: [WireBenchmark.Row] = []
    for isEncrypted in [false, true] {
      for (name, bytes) in sizes {
        for window in windows {
          let load = WireBenchmark.Load(
            name: name, bytes: bytes, window: window, isEncrypted: isEncrypted)
          let row = try WireBenchmark.run(load, rounds: rounds)
          rows.append(row)
          Console.line(line(row))
        }
      }
    }
    guard json else { return }
    try Console.json([
      "rounds": rounds,
      "rows": rows.map { row in
        [
          "unit": row.load.name, "bytes": row.load.bytes, "window": row.load.window,
          "curve": row.load.isEncrypted, "units": row.units, "bare_bytes_per_s": row.bare.list,
          "own_bytes_per_s": row.own.list, "own_of_bare": row.ratio.list,
        ] as [String: Any]
      },
    ])
  }

  private func line(_ row: WireBenchmark.Row) -> String {
    Console.left(row.load.name, 8) + Console.right("\(row.load.bytes)", 8)
      + Console.right("\(row.load.window)", 8)
      + Console.right(row.load.isEncrypted ? "yes" : "no", 7) + "    "
      + Console.left(row.bare.text(per: 1e6, digits: 0), 24)
      + Console.left(row.own.text(per: 1e6, digits: 0), 24) + row.ratio.text(digits: 2)
  }
}

extension Spread {
  /// "1200 (1100…1300)".
  func text(per unit: Double = 1, digits: Int) -> String {
    let parts = [median, least, most].map { Console.number($0 / unit, digits: digits) }
    return "\(parts[0]) (\(parts[1])…\(parts[2]))"
  }

  /// Median, least and most, for JSON.
  var list: [Any] { [median, least, most].map(jsonNumber) }
}
