import Dialogue
import Foundation
import Records

/// An ``OutputFile`` that is written line by line, because it may be larger than the memory: its place is
/// taken only when the last line is there.
final class OutputLines {
  private let handle: FileHandle
  /// Where the lines wait, and where they belong; nil for standard output.
  private let places: (temporary: String, final: String)?

  init(_ output: OutputFile) throws {
    guard !output.isStandardOutput else {
      handle = .standardOutput
      places = nil
      return
    }
    let final = URL(fileURLWithPath: output.path).resolvingSymlinksInPath().path
    let temporary = "\(final).\(String(UInt64.random(in: .min ... .max), radix: 16)).tmp"
    guard FileManager.default.createFile(atPath: temporary, contents: nil),
      let file = FileHandle(forWritingAtPath: temporary)
    else { throw RunFailure(.disk, "cannot write \(temporary)") }
    handle = file
    places = (temporary, final)
  }

  func add(_ bytes: [UInt8]) throws {
    if places == nil { Console.data(bytes) } else { try handle.write(contentsOf: Data(bytes)) }
  }

  func finish() throws {
    guard let places else { return }
    try handle.synchronize()
    try handle.close()
    guard unsafe rename(places.temporary, places.final) == 0 else {
      throw RunFailure(.disk, "cannot write \(places.final)")
    }
  }

  deinit {
    // There is none after the rename.
    if let places { try? FileManager.default.removeItem(atPath: places.temporary) }
  }
}
