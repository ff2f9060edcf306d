import Glibc

/// A program that could not be started.
package struct StartFailure: Error, Equatable, CustomStringConvertible {
  package let program: String
  /// Where it was to run, if that is what is wrong.
  package let folder: String?
  /// Why: an `errno`.
  package let code: CInt

  /// Why, in words.
  package var reason: String {
    (folder.map { "its folder \($0): " } ?? "") + String(cString: strerror(code))
      + (code == EMFILE || code == ENFILE ? "; raise the limit of open files: ulimit -n 4096" : "")
  }

  package var description: String { "\(program) cannot be started: \(reason)" }

  /// An `errno` on its way to the one who knows the program.
  struct Code: Error { let number: CInt }
}
