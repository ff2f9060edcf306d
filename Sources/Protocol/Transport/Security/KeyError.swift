package import Bytes

/// Why a key or a list of keys cannot be used.
package enum KeyError: Error, Equatable, CustomStringConvertible {
  case missing(path: String)
  /// This process, of this user, may not read it.
  case unreadable(path: String, user: UInt32)
  case damaged(path: String, what: String)
  /// Others than its owner may read it.
  case exposed(path: String, mode: String)
  case role(path: String, found: KeyFile.Role, wanted: KeyFile.Role)
  case file(FileError)

  package var description: String {
    switch self {
    case .missing(let path): "there is no \(path); make keys with: tributary keys new"
    case .unreadable(let path, let user):
      "\(path) may not be read by user \(user), whose process this is; give that user the file (chown"
        + " \(user) \(path)), or start this as its owner"
    case .damaged(let path, let what):
      "\(path) cannot be used: \(what); make a new one with: tributary keys"
    case .exposed(let path, let mode):
      "\(path) holds a secret and others may read it (mode \(mode)): chmod 600 \(path)"
    case .role(let path, let found, let wanted):
      "\(path) is the key of \(Self.article(found)), and this is \(Self.article(wanted)); give it a"
        + " key of its own, made with: tributary keys"
    case .file(let error): error.description
    }
  }

  private static func article(_ role: KeyFile.Role) -> String {
    switch role {
    case .learner: "a learner"
    case .actor: "an actor"
    case .relay: "a relay"
    }
  }
}
