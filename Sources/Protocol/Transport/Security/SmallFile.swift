import Bytes
import Glibc

/// Files that people may have replaced by anything: read whole, up to a limit, and only if they are
/// plain files.
enum SmallFile {
  /// At most `limit` bytes and one more, which shows that there is too much.
  ///
  /// - Parameter isSecret: refuse a file that group or others may read or write.
  package static func read(_ path: String, limit: Int, isSecret: Bool) throws(KeyError) -> [UInt8] {
    let (status, bytes) = try open(path, limit: limit)
    guard let bytes else { throw .damaged(path: path, what: "it is not a plain file") }
    if isSecret, status.st_mode & 0o077 != 0 {
      throw .exposed(path: path, mode: String(status.st_mode & 0o777, radix: 8))
    }
    return bytes
  }

  private static func open(_ path: String, limit: Int) throws(KeyError) -> (stat, [UInt8]?) {
    do throws(FileError) {
      // Without waiting: a pipe of this name would never open.
      let file = try FileDescriptor(opening: path, O_RDONLY | O_NONBLOCK)
      let status = try file.status()
      let isPlain = status.st_mode & S_IFMT == S_IFREG
      return (status, isPlain ? try file.read(limit + 1, at: 0) : nil)
    } catch {
      if case .refused(_, _, ENOENT) = error { throw .missing(path: path) }
      throw .file(error)
    }
  }
}
