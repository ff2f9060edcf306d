package import Bytes
package import Foundation
import Testing

/// The real binary, as a user starts it.
package enum Tributary {
  /// Built beside the tests.
  package static let binary = URL(fileURLWithPath: CommandLine.arguments[0])
    .deletingLastPathComponent().appendingPathComponent("tributary").path

  package struct Outcome: Sendable {
    package var status: Int32
    /// What it said: with `--json` that is on both streams.
    package var output: String
    package var standardOutput: String
    package var errors: String

    /// The JSON object on the last line.
    package var json: [String: Any] {
      let last = standardOutput.split(separator: "\n").last.map { Data($0.utf8) } ?? Data()
      return (try? JSONSerialization.jsonObject(with: last)) as? [String: Any] ?? [:]
    }
  }

  /// Starts a process whose output goes to files in `folder`.
  package static func start(
    _ arguments: [String], in folder: ScratchFolder, environment: [String: String] = [:],
    from directory: String? = nil, program: String = binary
  ) throws -> Running {
    let number = UUID().uuidString.prefix(8)
    let (output, errors) = (folder.file("out-\(number)"), folder.file("err-\(number)"))
    for path in [output, errors] {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    let handles = try [output, errors].map {
      try FileHandle(forWritingTo: URL(fileURLWithPath: $0))
    }
    let process = try ChildProcess(
      program, arguments, in: directory, environment: environment,
      output: .descriptor(handles[0].fileDescriptor),
      errors: .descriptor(handles[1].fileDescriptor))
    for handle in handles { try handle.close() }
    return Running(process: process, arguments: arguments, output: output, errors: errors)
  }

  /// Runs to the end.
  package static func run(
    _ arguments: [String], in folder: ScratchFolder, environment: [String: String] = [:],
    from directory: String? = nil, program: String = binary
  ) throws -> Outcome {
    try start(
      arguments, in: folder, environment: environment, from: directory, program: program
    ).wait()
  }

  package final class Running {
    private let process: ChildProcess
    let arguments: [String]
    let output: String
    let errors: String

    init(process: ChildProcess, arguments: [String], output: String, errors: String) {
      self.process = process
      self.arguments = arguments
      self.output = output
      self.errors = errors
    }

    package var id: pid_t { process.id }
    package var isRunning: Bool { process.isRunning }

    /// To it and its group.
    package func signal(_ number: CInt) { process.signal(number) }

    /// What it has said: with `--json` that is on both streams.
    package var text: String {
      Self.read(output) + (arguments.contains("--json") ? Self.read(errors) : "")
    }
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
      return Outcome(
        status: process.wait().status, output: text, standardOutput: Self.read(output),
        errors: Self.read(errors))
    }

    /// SIGKILL, and the wait for it.
    package func kill() {
      Foundation.kill(process.id, SIGKILL)
      process.wait()
    }
  }
}

extension ChildProcess.End {
  /// Its exit code, or the number of the signal that ended it.
  package var status: Int32 {
    switch self {
    case .exit(let code): code
    case .signal(let number): number
    case .unknown: -1
    }
  }
}

/// Runs a program to its end: its exit code, and what it said on standard output.
package func outcome(
  of path: String, _ arguments: [String], in folder: String? = nil,
  environment: [String: String] = [:]
) throws -> (status: Int32, output: String) {
  let process = try ChildProcess(
    path, arguments, in: folder, environment: environment, output: .pipe, errors: .inherited)
  let output = String(decoding: process.output.readToEnd(), as: UTF8.self)
  return (process.wait().status, output)
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
