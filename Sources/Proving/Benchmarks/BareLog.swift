import Glibc

/// A file that records are appended to, and synced after every group of them: what durability costs
/// without us.
enum BareLog {
  /// - Returns: seconds of `count` appends and their syncs.
  static func seconds(
    for count: Int, of record: [UInt8], group: Int, at path: String
  ) throws -> Double {
    let file = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw LinkFailure.call("opening \(path)") }
    defer {
      close(file)
      unlink(path)
    }
    let clock = ContinuousClock()
    let start = clock.now
    var offset = 0
    for index in 1...count {
      guard pwrite(file, record, record.count, offset) == record.count else {
        throw LinkFailure.call("writing \(path)")
      }
      offset += record.count
      if index % group == 0 || index == count {
        guard fdatasync(file) == 0 else { throw LinkFailure.call("fdatasync on \(path)") }
      }
    }
    return start.duration(to: clock.now).inSeconds
  }
}
