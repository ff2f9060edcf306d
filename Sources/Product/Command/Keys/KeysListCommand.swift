import ArgumentParser
import Dialogue
import Foundation
import Ledger
import Transport

extension KeysCommand {
  struct List: PrintsJSON {
    static let configuration = CommandConfiguration(
      abstract: "Show who may join and until when; no secrets.",
      discussion: """
        Examples:
          tributary keys list
          tributary keys list --run runs/first --json
        """)

    @OptionGroup var place: KeyPlace

    @Flag(help: "Print the keys as one JSON object.")
    var json = false

    private struct Row {
      let role: String, name: String, key: PublicKey, expires: WallTime?, state: String

      /// Enough of a public key to know it by.
      var fingerprint: String { String("\(key)".prefix(16)) }
    }

    func run() throws {
      let (folder, now) = (place.folder, WallTime.now)
      var rows: [Row] = []
      for (path, state) in [(folder.learner, "in use"), (folder.next, "announced")] {
        do throws(KeyError) {
          let key = try KeyFile(reading: path, as: .learner).key.publicKey
          rows.append(Row(role: "learner", name: "learner", key: key, expires: nil, state: state))
        } catch {
          // Elsewhere there may be the list alone, and whoever reads it need not be the learner.
          guard error.isOfNoFile else { throw error }
        }
      }
      rows += try AllowedKeys(reading: folder.allowed).entries.values
        .sorted { ($0.role.rawValue, $0.name) < ($1.role.rawValue, $1.name) }
        .map {
          Row(
            role: $0.role.rawValue, name: $0.name, key: $0.key, expires: $0.expires,
            state: $0.isExpired(at: now) ? "expired" : "valid")
        }
      let width = rows.map(\.name.count).max() ?? 0
      func line(_ role: String, _ name: String, _ key: String, _ expires: String, _ state: String)
        -> String
      {
        [
          Console.left(role, 7), Console.left(name, max(4, width)), Console.left(key, 16),
          Console.left(expires, 20), state,
        ].joined(separator: "  ")
      }
      Console.line(line("role", "name", "fingerprint", "expires", "state"))
      for row in rows {
        let end = row.expires.map { "\($0)" } ?? "never"
        Console.line(line(row.role, row.name, row.fingerprint, end, row.state))
      }
      Console.line("by this machine's clock, which says \(now)")
      guard json else { return }
      try Console.json([
        "now": "\(now)",
        "keys": rows.map { row in
          [
            "role": row.role, "name": row.name, "fingerprint": row.fingerprint,
            "public": "\(row.key)",
            "expires": row.expires.map { "\($0)" as Any } ?? NSNull(),
            "state": row.state,
          ] as [String: Any]
        },
      ])
    }
  }
}

extension KeyError {
  /// Whether it is no file of this process's at all, where a damaged one would be a fault.
  fileprivate var isOfNoFile: Bool {
    switch self {
    case .missing, .unreadable: true
    default: false
    }
  }
}
