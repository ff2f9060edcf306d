import Bytes
import Glibc

/// Files that people may have replaced by anything: read whole, up to a limit, and only if they are
/// plain files.
enum SmallFile {
  /// At most `limit` bytes and one more, which shows that there is too much.
  ///
  /// - Parameter isSecret: refuse a file that others may read or write, as ``Exposure`` has it.
  package static func read(_ path: String, limit: Int, isSecret: Bool) throws(KeyError) -> [UInt8] {
    let (status, bytes) = try open(path, limit: limit)
    guard let bytes else { throw .damaged(path: path, what: "it is not a plain file") }
    if isSecret, Exposure.ofThisProcess.exposes(status) {
      throw .exposed(path: path, mode: String(status.st_mode & 0o777, radix: 8))
    }
    return bytes
  }

  private static func open(_ path: String, limit: Int) throws(KeyError) -> (stat, [UInt8]?) {
    do throws(FileError) {
      // Without waiting: a pipe of this name would never open.
      let file = try FileDescriptor(opening: path, O_RDONLY | O_NONBLOCK)
      let status = try file.status()
      guard status.st_mode & S_IFMT == S_IFREG else { return (status, nil) }
      // Room for what is there; a file that grows meanwhile is read again.
      let expected = min(limit, max(0, Int(status.st_size)))
      let bytes = try file.read(expected + 1, at: 0)
      return (status, bytes.count <= expected ? bytes : try file.read(limit + 1, at: 0))
    } catch {
      switch error {
      case .refused(_, _, ENOENT): throw .missing(path: path)
      case .refused(_, _, EACCES): throw .unreadable(path: path, user: geteuid())
      default: throw .file(error)
      }
    }
  }
}
