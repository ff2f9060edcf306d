package import Foundation
import Testing
import Transport

/// The real binary, as a user starts it.
package enum Tributary {
  /// Built beside the tests.
  package static let binary = URL(fileURLWithPath: CommandLine.arguments[0])
    .deletingLastPathComponent().appendingPathComponent("tributary").path

  package struct Outcome: Sendable {
    package var status: Int32
    package var output: String
    package var errors: String

    /// The JSON object on the last line.
    package var json: [String: Any] {
      let last = output.split(separator: "\n").last.map { Data($0.utf8) } ?? Data()
      return (try? JSONSerialization.jsonObject(with: last)) as? [String: Any] ?? [:]
    }
  }

  /// Starts a process whose output goes to files in `folder`.
  package static func start(
    _ arguments: [String], in folder: ScratchFolder, environment: [String: String] = [:]
  ) throws -> Running {
    let number = UUID().uuidString.prefix(8)
    let (output, errors) = (folder.file("out-\(number)"), folder.file("err-\(number)"))
    for path in [output, errors] {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: binary)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    let handles = try [output, errors].map {
      try FileHandle(forWritingTo: URL(fileURLWithPath: $0))
    }
    (process.standardOutput, process.standardError) = (handles[0], handles[1])
    try ProcessStart.alone { try process.run() }
    // Foundation would keep them as long as this process lives.
    for handle in handles { try handle.close() }
    return Running(process: process, arguments: arguments, output: output, errors: errors)
  }

  /// Runs to the end.
  package static func run(
    _ arguments: [String], in folder: ScratchFolder, environment: [String: String] = [:]
  ) throws -> Outcome {
    try start(arguments, in: folder, environment: environment).wait()
  }

  package final class Running {
    package let process: Process
    let arguments: [String]
    let output: String
    let errors: String

    init(process: Process, arguments: [String], output: String, errors: String) {
      self.process = process
      self.arguments = arguments
      self.output = output
      self.errors = errors
    }

    package var text: String { Self.read(output) }
    package var errorText: String { Self.read(errors) }

    private static func read(_ path: String) -> String {
      String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    /// Waits for the end; after five minutes the process is ended and the test fails.
    package func wait() -> Outcome {
      if !waitUntil("tributary \(arguments.joined(separator: " ")) to end", { !process.isRunning })
      {
        kill()
      }
      process.waitUntilExit()
      return Outcome(
        status: process.terminationStatus, output: Self.read(output), errors: Self.read(errors))
    }

    /// SIGKILL, and the wait for it.
    package func kill() {
      Foundation.kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }
}

extension Process {
  /// Starts it; the end of a pipe from which its standard output is read.
  package func startedOutput() throws -> FileHandle {
    try ProcessStart.alone {
      let pipe = Pipe()
      standardOutput = pipe
      try run()
      return pipe.fileHandleForReading
    }
  }
}

/// Waits until `condition` holds; after five minutes records what it waited for, and returns false.
@discardableResult
package func waitUntil(_ what: String, _ condition: () -> Bool) -> Bool {
  let deadline = Date(timeIntervalSinceNow: 300)
  while !condition() {
    if Date() > deadline {
      Issue.record("waited 300 s for \(what)")
      return false
    }
    Thread.sleep(forTimeInterval: 0.005)
  }
  return true
}

/// The repository, found from a test's own file.
package func repositoryRoot(_ file: String = #filePath) -> String {
  URL(fileURLWithPath: file).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
}
