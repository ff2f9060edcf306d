import Glibc

/// Files that are replaced as a whole: a reader, or a crash, sees the old bytes or the new ones.
package enum AtomicFile {
  /// Writes a temporary file beside `path`, makes it durable and renames it. A file that is there
  /// already keeps its mode, and its owner and group as far as this process may set them.
  ///
  /// - Parameters:
  ///   - mode: of a new file, before the process's mask.
  ///   - isSecret: the file gets `mode` also where another one was there.
  /// - Throws: for a target that is there and no plain file; a link is followed.
  package static func write(
    _ bytes: [UInt8], to name: String, mode: UInt32 = 0o644, isSecret: Bool = false
  ) throws(FileError) {
    try bytes.span.withUnsafeBytes { (bytes) throws(FileError) in
      try write([], followedBy: bytes, to: name, mode: mode, isSecret: isSecret)
    }
  }

  /// The same for a file in two parts.
  package static func write(
    _ head: [UInt8], followedBy bytes: UnsafeRawBufferPointer, to name: String,
    mode: UInt32 = 0o644, isSecret: Bool = false
  ) throws(FileError) {
    let (path, old) = try target(of: name)
    let suffix = String(UInt64.random(in: .min ... .max), radix: 16)
    let temporary = "\(path).\(suffix).tmp"
    do throws(FileError) {
      let file = try FileDescriptor(opening: temporary, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
      if let old, !isSecret { file.take(after: old) }
      try file.write(head, at: 0)
      try file.write(bytes, at: UInt64(head.count))
      try file.sync()
      guard rename(temporary, path) == 0 else { throw .last("renaming \(temporary) to", path) }
    } catch {
      unlink(temporary)
      throw error
    }
    try Directory.sync(Directory.parent(of: path))
  }

  /// Whether ``write(_:to:mode:isSecret:)`` can replace `name`, before there is something to write:
  /// its temporary file is made and removed.
  package static func check(_ name: String) throws(FileError) {
    let (path, _) = try target(of: name)
    let temporary = "\(path).\(String(UInt64.random(in: .min ... .max), radix: 16)).tmp"
    _ = try FileDescriptor(opening: temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
    unlink(temporary)
  }

  /// The plain file that `name` is or leads to, and its state; `name` where nothing is. A device, a
  /// pipe or a folder would be gone after the rename.
  private static func target(of name: String) throws(FileError) -> (path: String, status: stat?) {
    var status = stat()
    guard stat(name, &status) == 0 else { return (name, nil) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileError(
        operation: "writing to what is not a plain file,", path: name,
        code: status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EEXIST)
    }
    guard let real = realpath(name, nil) else { return (name, status) }
    defer { free(real) }
    return (String(cString: real), status)
  }

  /// Makes `path` a symbolic link to `target`, in place of the link that was there.
  package static func link(to target: String, at path: String) throws(FileError) {
    let temporary = "\(path).\(String(UInt64.random(in: .min ... .max), radix: 16)).tmp"
    guard symlink(target, temporary) == 0 else { throw .last("making the link", temporary) }
    guard rename(temporary, path) == 0 else {
      let error = FileError.last("renaming \(temporary) to", path)
      unlink(temporary)
      throw error
    }
    try Directory.sync(Directory.parent(of: path))
  }
}
