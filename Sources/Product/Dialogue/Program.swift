import Foundation
package import Records

/// One of the two programs that lie in one folder.
package enum Program: String {
  case tributary
  /// What checks and measures the other one: its commands `golden` and `bench`.
  case proof = "tributary-proof"

  /// The program beside the one that this process runs, by whatever link that was called.
  ///
  /// - Throws: where it is not there, with where it was looked for and how to get it.
  package func path() throws(RunFailure) -> String {
    let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let folder = own.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path } ?? "."
    let path = "\(folder)/\(rawValue)"
    guard FileManager.default.fileExists(atPath: path) else {
      throw RunFailure(
        .disk,
        "this needs the program \(rawValue), which is not in \(folder); build it and put it there:"
          + " swift build -c release --product \(rawValue)")
    }
    return path
  }

  /// Becomes the program, with all arguments of this process.
  package func takeOver() throws(RunFailure) -> Never {
    let path = try path()
    unsafe execv(path, CommandLine.unsafeArgv)
    throw RunFailure(.disk, "\(path) cannot be started: \(unsafe String(cString: strerror(errno)))")
  }
}
