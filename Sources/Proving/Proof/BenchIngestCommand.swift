import ArgumentParser
import Benchmarks
import Configuration
import Dialogue
import Foundation

struct BenchIngestCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "ingest",
    abstract: "Units from a socket to the disk, compared with bare libzmq and a bare log.",
    discussion: """
      The learner's exchange and journal: every unit is checked, journalled and synced before it is \
      acknowledged. The yardstick is the slower of a bare DEALER and ROUTER and of a bare append log with \
      as many units in each fdatasync.

      Example:
        tributary bench ingest shapes
      """)

  @OptionGroup var source: ConfigurationSource

  @Option(help: "Units on their way at once, of all actors together.")
  var window = 32

  @Option(help: "Units of one round.")
  var units = 512

  @Option(help: "Measured rounds.")
  var rounds = 7

  @Option(help: "The folder to write to (default: the system's folder for temporary files).")
  var folder: String?

  @Flag(help: "Print the report as one JSON object.")
  var json = false

  func validate() throws {
    guard (1...64).contains(window) else {
      throw ValidationError("--window \(window) is not in 1...64")
    }
    guard (64...100_000).contains(units) else {
      throw ValidationError("--units \(units) is not in 64...100000")
    }
    guard (1...1000).contains(rounds) else {
      throw ValidationError("--rounds \(rounds) is not in 1...1000")
    }
  }

  func run() throws {
    let recipe = try source.read().recipe()
    let work = (folder ?? NSTemporaryDirectory()) + "/tributary-bench-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: work) }
    let report = try IngestBenchmark(recipe, units: units, folder: work)
      .run(rounds: rounds, window: window)
    Console.line(
      "\(report.units) units of \(report.payloadBytes) bytes, \(window) on their way at once;"
        + " median (least…most) of \(rounds) rounds")
    Console.line("bare transport   \(report.bareTransport.text(per: 1e6, digits: 0)) MB/s")
    Console.line(
      "bare log         \(report.bareLog.text(per: 1e6, digits: 0)) MB/s, with groups of"
        + " \(report.group.text(digits: 1)) units")
    Console.line("durable ingest   \(report.own.text(per: 1e6, digits: 0)) MB/s")
    Console.line("of the slower    \(report.ratio.text(digits: 2))")
    Console.line(
      "learner CPU      \(report.processorSecondsPerGigabyte.text(digits: 2)) s for a GB, of which"
        + " checks \(Console.number(report.checkSecondsPerGigabyte, digits: 2)), of which digest"
        + " \(Console.number(report.digestSecondsPerGigabyte, digits: 2))")
    Console.line(
      "acknowledgement  \(Console.number(report.latency.median * 1e3, digits: 2)) ms beyond writing and"
        + " syncing, 99th percentile \(Console.number(report.latency.percentile99 * 1e3, digits: 2)) ms;"
        + " these take \(report.sync.text(per: 1e-3, digits: 2)) ms")
    guard json else { return }
    try Console.json([
      "payload_bytes": report.payloadBytes, "units": report.units, "window": window,
      "rounds": rounds, "bare_transport_bytes_per_s": report.bareTransport.list,
      "bare_log_bytes_per_s": report.bareLog.list, "ingest_bytes_per_s": report.own.list,
      "ingest_of_slower": report.ratio.list, "group_units": report.group.list,
      "learner_cpu_s_per_gb": report.processorSecondsPerGigabyte.list,
      "check_cpu_s_per_gb": report.checkSecondsPerGigabyte,
      "digest_cpu_s_per_gb": report.digestSecondsPerGigabyte,
      "ack_beyond_sync_s": ["median": report.latency.median, "p99": report.latency.percentile99],
      "sync_s": report.sync.list,
    ])
  }
}
