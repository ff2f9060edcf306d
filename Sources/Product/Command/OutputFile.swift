import ArgumentParser
import Bytes
import Dialogue
import Foundation
import Records

/// The file that a command writes at its end; `-` is standard output.
struct OutputFile: ExpressibleByArgument {
  let path: String

  init(path: String) { self.path = path }

  /// nil for no name.
  init?(argument: String) {
    if argument.isEmpty { return nil }
    path = argument
  }

  var isStandardOutput: Bool { path == "-" }

  /// As sentences call it.
  var name: String { isStandardOutput ? "standard output" : path }

  /// Checks, before anything is computed, that the file can be written; what is said to people goes to
  /// standard error if this takes standard output.
  func prepare() throws {
    guard !isStandardOutput else { return Console.keepOutputForData() }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    guard FileManager.default.fileExists(atPath: folder) else {
      throw RunFailure(
        .disk, "\(path) cannot be written: there is no folder \(folder); make it first")
    }
    do throws(FileError) {
      try AtomicFile.check(path)
    } catch {
      throw RunFailure(.disk, "\(path) cannot be written: \(error)")
    }
  }

  func write(_ bytes: [UInt8]) throws {
    if isStandardOutput { Console.data(bytes) } else { try AtomicFile.write(bytes, to: path) }
  }

  var defaultValueDescription: String { path }
}

/// The folder that a command makes and fills.
enum OutputFolder {
  /// - Throws: where it cannot be made or written to, with the reason.
  static func prepare(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw RunFailure(.disk, "cannot make the folder \(path): \(error.localizedDescription)")
    }
    try AtomicFile.check("\(path)/test")
  }
}
