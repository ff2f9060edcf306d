import ArgumentParser
import Foundation
import Ledger
import Records
import Release
import Tensor

/// `env.json`: on what a run was computed; a new entry for each life of its learner.
struct EnvironmentRecord: Codable {
  var started: String
  var tributary: String
  var numericsClass: String
  var instructionSet: String
  var processor: String
  var cores: Int
  var memoryMegabytes: UInt64
  var system: String
  var host: String
  /// The command line, without passwords in addresses; nil in entries of 0.1.0.
  var command: String?
  /// That the program was built from; nil where the build did not know.
  var commit: String?

  /// This process, now.
  init() {
    let machine = ProcessInfo.processInfo
    started = Date().formatted(.iso8601)
    tributary = Release.version
    commit = Release.commit
    numericsClass = Kernels.numericsClass
    instructionSet = "\(Kernels.instructionSet)"
    let facts = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    processor =
      facts.split(separator: "\n").first { $0.hasPrefix("model name") }
      .flatMap { $0.split(separator: ":").last }.map { $0.trimmingCharacters(in: .whitespaces) }
      ?? "unknown"
    cores = machine.activeProcessorCount
    memoryMegabytes = machine.physicalMemory / 1_000_000
    system = machine.operatingSystemVersionString
    host = machine.hostName
    command = Self.commandLine
  }

  /// What was typed, for a shell; a user and password in an address are left out.
  static var commandLine: String {
    let words = ["tributary"] + CommandLine.arguments.dropFirst()
    return words.map { $0.replacing(#/://[^/\s"']*@/#, with: "://…@").shellWord }
      .joined(separator: " ")
  }

  static func append(to folder: RunFolder) throws {
    let earlier = try? RunFolder.read([EnvironmentRecord].self, from: folder.environment)
    try RunFolder.write((earlier ?? []) + [EnvironmentRecord()], to: folder.environment)
  }
}
