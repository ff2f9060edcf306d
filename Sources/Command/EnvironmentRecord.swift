import ArgumentParser
import Foundation
import Roles
import Tensor
import Transport

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

  /// This process, now.
  init() {
    let machine = ProcessInfo.processInfo
    started = Date().formatted(.iso8601)
    tributary = Tributary.configuration.version
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
  }

  static func append(to folder: RunFolder) throws {
    let earlier = try? RunFolder.read([EnvironmentRecord].self, from: folder.environment)
    try RunFolder.write((earlier ?? []) + [EnvironmentRecord()], to: folder.environment)
  }
}
