package import Glibc

/// An open file; closed when its owner is gone.
package struct FileDescriptor: ~Copyable, Sendable {
  package let number: CInt
  package let path: String

  /// - Parameter flags: of `open`; `O_CLOEXEC` is always added.
  package init(opening path: String, _ flags: CInt, mode: mode_t = 0o644) throws(FileError) {
    var number = open(path, flags | O_CLOEXEC, mode)
    while number < 0, errno == EINTR { number = open(path, flags | O_CLOEXEC, mode) }
    guard number >= 0 else { throw .last("opening", path) }
    self.number = number
    self.path = path
  }

  deinit { close(number) }

  /// In bytes.
  package borrowing func size() throws(FileError) -> UInt64 { UInt64(try status().st_size) }

  package borrowing func status() throws(FileError) -> stat {
    var status = stat()
    guard fstat(number, &status) == 0 else { throw .last("reading the state of", path) }
    return status
  }

  /// Whether its path still leads to it: not deleted, moved or replaced since it was opened.
  package var isInPlace: Bool {
    var (own, there) = (stat(), stat())
    return fstat(number, &own) == 0 && stat(path, &there) == 0
      && own.st_dev == there.st_dev && own.st_ino == there.st_ino
  }

  /// Where the file is now; nil for one that is deleted, or that this process cannot see.
  package var place: String? {
    let longest = Int(PATH_MAX)
    var text = [CChar](repeating: 0, count: longest)
    let count = readlink("/proc/self/fd/\(number)", &text, longest)
    guard count > 0 else { return nil }
    let path = String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    var (own, there) = (stat(), stat())
    let isThere = fstat(number, &own) == 0 && stat(path, &there) == 0
    return isThere && own.st_dev == there.st_dev && own.st_ino == there.st_ino ? path : nil
  }

  /// Writes the first `count` bytes of a file that was deleted or moved to its path again.
  ///
  /// - Returns: whether they are there, durably; false where another file has taken the path.
  package borrowing func writeBack(to count: UInt64) -> Bool {
    let temporary = "\(path).back.tmp"
    defer { unlink(temporary) }
    do throws(FileError) {
      let copy = try FileDescriptor(opening: temporary, O_WRONLY | O_CREAT | O_EXCL)
      var offset: UInt64 = 0
      while offset < count {
        let bytes = try read(Int(min(count - offset, 1 << 20)), at: offset)
        guard !bytes.isEmpty else { return false }
        try copy.write(bytes, at: offset)
        offset += UInt64(bytes.count)
      }
      try copy.sync()
      guard Glibc.link(temporary, path) == 0 else { return false }
      try Directory.sync(Directory.parent(of: path))
      return true
    } catch {
      return false
    }
  }

  /// Gives the file another's permissions, and its owner, or else its group, where this process may.
  borrowing func take(after other: stat) {
    // First, because changing them may clear bits of the mode. The largest id means the one it has.
    if fchown(number, other.st_uid, other.st_gid) != 0 { _ = fchown(number, .max, other.st_gid) }
    _ = fchmod(number, other.st_mode & 0o777)
  }

  /// Writes all of `bytes` at `offset`.
  package borrowing func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError)
  {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      let count = pwrite(number, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .last("writing", path) }
      // A regular file takes at least one byte or says why not.
      guard count > 0 else { throw .full(operation: "writing", path: path) }
      done += count
    }
  }

  package borrowing func write(_ bytes: [UInt8], at offset: UInt64) throws(FileError) {
    try bytes.span.withUnsafeBytes { (buffer) throws(FileError) in
      try write(buffer, at: offset)
    }
  }

  /// Fills `bytes` from `offset` on, up to the end of the file.
  ///
  /// - Returns: how many bytes there were.
  package borrowing func read(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64)
    throws(FileError) -> Int
  {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
      let count = pread(number, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .last("reading", path) }
      if count == 0 { break }
      done += count
    }
    return done
  }

  /// The bytes from `offset` on: `count` of them, or fewer at the end of the file.
  package borrowing func read(_ count: Int, at offset: UInt64) throws(FileError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var span = bytes.mutableSpan
    let found = try span.withUnsafeMutableBytes { (buffer) throws(FileError) in
      try read(into: buffer, at: offset)
    }
    if found < count { bytes.removeLast(count - found) }
    return bytes
  }

  package borrowing func truncate(to size: UInt64) throws(FileError) {
    while ftruncate(number, off_t(size)) != 0 {
      guard errno == EINTR else { throw .last("cutting", path) }
    }
  }

  /// Data and everything needed to read it back, on stable storage.
  package borrowing func syncData() throws(FileError) {
    while fdatasync(number) != 0 {
      guard errno == EINTR else { throw .last("fdatasync on", path) }
    }
  }

  package borrowing func sync() throws(FileError) {
    while fsync(number) != 0 {
      guard errno == EINTR else { throw .last("fsync on", path) }
    }
  }
}
