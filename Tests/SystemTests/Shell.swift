import Bytes
import Foundation
import TestSupport
import Testing

/// A script as a user types it, in a folder of its own; `$T` is the program.
enum Shell {
  static func start(_ script: String, in folder: ScratchFolder) throws -> ChildProcess {
    // What it starts may outlive it and hold a pipe open; a file ends.
    try ChildProcess(
      "/bin/bash", ["-c", "exec > said.txt 2>&1; \(script)"], in: folder.path,
      environment: ["T": Tributary.binary])
  }

  /// Runs to the end; its exit code, and what it and the programs said.
  static func run(_ script: String, in folder: ScratchFolder) throws -> (
    status: Int32, said: String
  ) {
    let shell = try start(script, in: folder)
    if !waitUntil("\(script) to end", { !shell.isRunning }) { shell.signal(SIGKILL) }
    return (shell.wait().status, String(decoding: try folder.read("said.txt"), as: UTF8.self))
  }
}
