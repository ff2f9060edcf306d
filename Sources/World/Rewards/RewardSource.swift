import Foundation
import HTTP
import Programs

/// Which reward, and how it is asked; what a configuration says of one.
package struct RewardSource: Hashable, Sendable {
  package enum Place: Hashable, Sendable {
    case judge(Judge)
    /// A program that reads questions and writes answers, one JSON line each; its path, and
    /// arguments after spaces.
    case program(String)
    /// A server's address: `GET /health`, `POST /compute`.
    case server(String)
  }

  /// The task's own judges.
  package enum Judge: String, Sendable, CaseIterable {
    case judge, strict
    case heldOut = "held-out"

    /// Those that may train: what measures a run must not.
    package static let trainable = [Judge.judge, .strict]

    package var meaning: String {
      switch self {
      case .judge: "the task's judge: the share of met conditions, 0...1"
      case .strict: "1 where the task's judge finds every condition met, else 0"
      case .heldOut: "the task's second judge, which measures and never trains, 0...1"
      }
    }
  }

  /// What a program or a server is shown of a result.
  package enum Input: Hashable, Sendable {
    /// A PNG of so many pixels a side.
    case picture(side: Int)
    case latent
  }

  package var name: String
  package var place: Place
  package var input = Input.picture(side: 64)
  /// Whether it promises equal scores for equal pictures, always and everywhere.
  package var isDeterministic: Bool
  /// Seconds until an answer is given up.
  package var timeout = 60.0
  /// Attempts after the first.
  package var retries = 2
  /// Questions asked at once by one actor: processes of a program, requests to a server.
  package var concurrency = 1
  /// Of a program: where it runs, and where relative paths begin; nil for wherever its actor runs.
  package var folder: String?
  /// Of a server: where its password or token is found.
  package var token: RewardToken?

  package init(name: String, place: Place) {
    self.name = name
    self.place = place
    isDeterministic = if case .judge = place { true } else { false }
  }

  /// Whether it is a judge of the task, and no program or server.
  package var isBuiltIn: Bool { if case .judge = place { true } else { false } }

  /// The task's judge: the reward of a run that names none.
  package static let judge = RewardSource(name: Judge.judge.rawValue, place: .judge(.judge))

  /// A judge by name, a server by address, or else a program; named after where it is found.
  package init(_ text: String) {
    if let judge = Judge(rawValue: text) {
      self.init(name: text, place: .judge(judge))
    } else if HTTPAddress.isMeant(by: text) {
      self.init(name: Self.name(ofServerAt: text), place: .server(text))
    } else {
      let path = text.split(separator: " ").first ?? ""
      let file = path.split(separator: "/").last ?? ""
      self.init(
        name: Self.name(from: file.prefix { $0 != "." }), place: .program(text))
    }
  }

  /// Where it is found, as ``init(_:)`` reads it; for people, see ``label``.
  package var text: String {
    switch place {
    case .judge(let judge): judge.rawValue
    case .program(let command): command
    case .server(let address): address
    }
  }

  /// Where it is found, without what must not be written down.
  package var label: String { HTTPAddress.masked(address: text) }

  /// Writes a program's path in full, where it is a path, and where it runs.
  package mutating func locate() {
    switch place {
    case .judge: break
    case .program(let command):
      let program = ProgramCommand(command, in: folder).located
      place = .program(program.command)
      folder = program.folder
    case .server:
      if case .file(let path) = token?.place {
        token?.place = .file(URL(fileURLWithPath: path).standardizedFileURL.path)
      }
    }
  }

  /// Why it cannot be asked from this machine, as far as files and the environment tell.
  package var obstacle: String? {
    switch place {
    case .judge: nil
    case .program(let command):
      ProgramCommand(command, in: folder).obstacle(
        otherwise: "judge (\(Judge.trainable.map(\.rawValue).joined(separator: ", ")))"
      ).map { "reward \(name): \($0)" }
    case .server: token?.obstacle.map { "reward \(name): \($0)" }
    }
  }

  /// Why its address cannot be part of a configuration: it is none, or it has a secret.
  package var addressFault: String? {
    guard case .server(let text) = place else { return nil }
    let address: HTTPAddress
    do throws(HTTPAddressError) {
      address = try HTTPAddress(text)
    } catch {
      return "reward \(name): \(error)"
    }
    guard let secret = address.secret else { return nil }
    let (what, more) =
      switch secret {
      case .credentials: ("a user's name or password", "")
      case .parameter(let name): ("\(name)=…, which looks like a secret,", ", token_query: \(name)")
      }
    return "reward \(name): \(address) holds \(what) and would be stored, journalled and sent to"
      + " actors; put the secret into a variable or a file of each machine that asks, and write {url: …,"
      + " token_env: NAME\(more)} or {url: …, token_file: PATH\(more)}"
  }

  package var isProgram: Bool { if case .program = place { true } else { false } }

  package var isServer: Bool { if case .server = place { true } else { false } }

  /// Letters, digits, `.`, `_` and `-`, 1 to 32: fit for a line, a key and a metric.
  package static func isName(_ text: String) -> Bool {
    (1...32).contains(text.utf8.count)
      && text.unicodeScalars.allSatisfy {
        ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
          || "._-".unicodeScalars.contains($0)
      }
  }

  private static func name(from text: Substring) -> String {
    let name = String(text.prefix(32).map { isName(String($0)) ? $0 : "-" })
    return name.isEmpty ? "reward" : name
  }

  /// The host's.
  private static func name(ofServerAt text: String) -> String {
    guard let host = (try? HTTPAddress(text))?.bareHost else { return "reward" }
    guard host.contains(":") else { return name(from: host[...]) }
    let groups = host.split(separator: "%")[0].split(separator: ":")
    return name(from: "ip6-\(groups.joined(separator: "-"))"[...])
  }

  /// What a release that knew no ``addressFault`` called a server whose address has a user.
  package static func earlierName(ofServerAt text: String) -> String? {
    guard case .credentials = (try? HTTPAddress(text))?.secret else { return nil }
    let host = text.split(separator: "/").dropFirst().first
    return name(from: host?.prefix { $0 != ":" } ?? "")
  }
}
