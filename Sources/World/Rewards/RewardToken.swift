import Foundation
import HTTP
import Programs

/// Where a server's password or token is found, on each machine that asks the server: never in a
/// configuration, which is stored, journalled and sent.
package struct RewardToken: Hashable, Sendable {
  package enum Place: Hashable, Sendable {
    /// This variable of the environment.
    case variable(String)
    /// The first line of this file.
    case file(String)
  }

  package var place: Place
  /// The query parameter that takes it; nil for the header Authorization.
  package var parameter: String?

  package init(_ place: Place, parameter: String? = nil) {
    self.place = place
    self.parameter = parameter
  }

  /// Bytes of the longest one.
  private static let limit = 16_384

  /// Where it is looked for, in words.
  package var words: String {
    switch place {
    case .variable(let name): "the variable \(name) of the environment"
    case .file(let path): "the file \(path)"
    }
  }

  /// The token itself.
  func read() throws(Fault) -> String {
    let text: String?
    switch place {
    case .variable(let name): text = ProcessInfo.processInfo.environment[name]
    case .file(let path):
      let file = FileHandle(forReadingAtPath: path)
      defer { try? file?.close() }
      text = (try? file?.read(upToCount: Self.limit)).map { String(decoding: $0, as: UTF8.self) }
    }
    let line = text?.split(whereSeparator: \.isNewline).first.map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    guard let line, !line.isEmpty, line.unicodeScalars.allSatisfy({ (32...126).contains($0.value) })
    else {
      throw Fault(.down, "\(words) holds no token: one line of printable signs is wanted")
    }
    return line
  }

  /// Why there is no token on this machine.
  package var obstacle: String? {
    do throws(Fault) {
      _ = try read()
      return nil
    } catch {
      return "\(error)"
    }
  }

  /// A text without the token, in whichever form it may be repeated.
  static func hiding(_ token: String, in text: String) -> String {
    let forms = [
      token, HTTPAddress.encoded(token), Data(token.utf8).base64EncodedString(),
      token.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""),
    ]
    // The longest first, or a part of it would stay.
    return forms.sorted { $0.count > $1.count }.reduce(text) { $0.replacing($1, with: "…") }
  }

  /// The header's value: `user:password` is Basic, anything else a Bearer token.
  static func header(_ token: String) -> String {
    token.contains(":")
      ? "Basic \(Data(token.utf8).base64EncodedString())" : "Bearer \(token)"
  }
}
