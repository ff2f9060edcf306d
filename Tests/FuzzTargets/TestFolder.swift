import Foundation

/// A folder in memory that is empty at the start of each input.
struct TestFolder {
  let path: String

  private static let root: String = {
    let isThere = FileManager.default.isWritableFile(atPath: "/dev/shm")
    atexit { try? FileManager.default.removeItem(atPath: TestFolder.root) }
    return (isThere ? "/dev/shm" : NSTemporaryDirectory())
      + "/tributary-fuzz-\(ProcessInfo.processInfo.processIdentifier)"
  }()

  init(_ name: String, with folders: [String] = []) throws {
    path = "\(Self.root)/\(name)"
    try? FileManager.default.removeItem(atPath: path)
    for folder in [""] + folders {
      try FileManager.default.createDirectory(
        atPath: "\(path)/\(folder)", withIntermediateDirectories: true)
    }
  }

  func write(_ bytes: [UInt8], _ name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
  }
}
