import Glibc

/// What the files here need from directories.
package enum Directory {
  /// Makes the directory, whose parent must exist, unless it is there.
  package static func create(_ path: String) throws(FileError) {
    if mkdir(path, 0o755) == 0 {
      try sync(parent(of: path))
    } else if errno != EEXIST {
      throw .last("making the directory", path)
    }
  }

  /// Makes new, renamed and removed entries durable.
  package static func sync(_ path: String) throws(FileError) {
    try FileDescriptor(opening: path, O_RDONLY | O_DIRECTORY).sync()
  }

  /// Renames a file, durably; one that has the new name already is replaced.
  package static func move(_ path: String, to target: String) throws(FileError) {
    guard rename(path, target) == 0 else { throw .last("renaming \(path) to", target) }
    try sync(parent(of: target))
  }

  /// The names in the directory, in no order.
  package static func names(in path: String) throws(FileError) -> [String] {
    guard let stream = opendir(path) else { throw .last("listing", path) }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        guard errno == 0 else { throw .last("listing", path) }
        return names
      }
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
  }

  package static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
