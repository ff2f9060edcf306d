import Glibc

/// Where a module's resources lie: a folder beside the program, wherever links lead to it.
///
/// A program that was copied alone has none. SwiftPM's own accessor ends the process then; an actor needs none, and
/// everybody else can say what is missing.
package enum ResourceFolder {
  /// - Parameter module: such as `Tasks`.
  /// - Returns: nil where the folder is missing.
  package static func path(of module: String) -> String? {
    var status = stat()
    let path = expectedPath(of: module)
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR ? path : nil
  }

  /// Where it has to be.
  package static func expectedPath(of module: String) -> String {
    "\(Directory.parent(of: program))/tributary_\(module).resources"
  }

  private static var program: String {
    guard let path = realpath("/proc/self/exe", nil) else { return "/" }
    defer { free(path) }
    return String(cString: path)
  }
}
