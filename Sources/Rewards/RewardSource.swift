import Foundation

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
    } else if text.hasPrefix("http://") || text.hasPrefix("https://") {
      let host = text.split(separator: "/", omittingEmptySubsequences: true).dropFirst().first
      self.init(
        name: Self.name(from: host?.prefix { $0 != ":" } ?? ""), place: .server(text))
    } else {
      let path = text.split(separator: " ").first ?? ""
      let file = path.split(separator: "/").last ?? ""
      self.init(
        name: Self.name(from: file.prefix { $0 != "." }), place: .program(text))
    }
  }

  /// Where it is found, as ``init(_:)`` reads it.
  package var text: String {
    switch place {
    case .judge(let judge): judge.rawValue
    case .program(let command): command
    case .server(let address): address
    }
  }

  /// Writes a program's path in full, where it is a path.
  package mutating func locate() {
    guard case .program(let command) = place else { return }
    var words = ProgramProcess.words(of: command)
    guard let path = words.first,
      path.contains("/") || FileManager.default.fileExists(atPath: path)
    else { return }
    words[0] = URL(fileURLWithPath: path).standardizedFileURL.path
    place = .program(words.joined(separator: " "))
  }

  /// Why the program cannot be started on this machine, as far as its file tells.
  package var obstacle: String? {
    guard case .program(let command) = place else { return nil }
    guard let path = ProgramProcess.words(of: command).first else {
      return "reward \(name): its program has no name"
    }
    guard path.contains("/") else { return nil }
    if !FileManager.default.fileExists(atPath: path) {
      return "reward \(name): there is no program \(path)"
    }
    let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let type = (try? FileManager.default.attributesOfItem(atPath: real))?[.type]
    if type as? FileAttributeType == .typeDirectory {
      return "reward \(name): \(path) is a folder, not a program"
    }
    if !FileManager.default.isExecutableFile(atPath: path) {
      return "reward \(name): \(path) may not be executed; chmod +x \(path)"
    }
    return nil
  }

  package var isProgram: Bool { if case .program = place { true } else { false } }

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
}
