import Foundation

/// The process that holds a run folder's lock, found without touching the lock: a look must not be in the way of a learner
/// that starts.
struct LockHolder {
  let pid: Int32

  /// - Parameter path: of the lock.
  /// - Returns: nil where no process of this machine holds it.
  init?(of path: String) {
    var status = stat()
    guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      let file = FileHandle(forReadingAtPath: path)
    else { return nil }
    defer { try? file.close() }
    guard let bytes = try? file.read(upToCount: 20),
      let pid = Int32(String(decoding: bytes.prefix { $0 > 32 }, as: UTF8.self)),
      let locks = try? String(contentsOfFile: "/proc/locks", encoding: .utf8)
    else { return nil }
    // Such as "1: FLOCK  ADVISORY  WRITE 708 00:36:1295 0 EOF".
    let isHeld = locks.split(separator: "\n").contains { line in
      let words = line.split(separator: " ")
      return words.count > 5 && words[1] == "FLOCK"
        && words[5].split(separator: ":").last.flatMap { UInt64($0) } == UInt64(status.st_ino)
    }
    guard isHeld else { return nil }
    self.pid = pid
  }
}
