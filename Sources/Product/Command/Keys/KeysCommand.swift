import ArgumentParser
import Dialogue
import Ledger
import Records
import Transport

struct KeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys", abstract: "Make, list and revoke the keys with which others join.",
    discussion: """
      Examples:
        tributary keys new                   keys/learner.key, keys/actor.key, keys/allowed
        tributary keys new --run runs/first --expires 2d      for one job: they end with it
        tributary keys add desk              one more actor: keys/desk.key
        tributary keys list                  who may join, and until when
        tributary keys revoke desk           shuts it out, also while the learner runs
        tributary keys rotate                the learner's next key
        tributary train --listen tcp://0.0.0.0:5555 --keys keys
        tributary actor --connect tcp://HOST:5555 --key actor.key     elsewhere

      A .key file is a secret. `keys revoke`, or deleting a line of keys/allowed, shuts its owner \
      out, also while the learner runs.
      """, subcommands: [New.self, Add.self, List.self, Revoke.self, Rotate.self])

  struct New: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a learner's key and one for an actor.",
      discussion: """
        Examples:
          tributary keys new
          tributary keys new secrets/first
          tributary keys new --run runs/first --expires 2d
        """)

    @OptionGroup var place: KeyPlace
    @OptionGroup var end: KeyEnd

    func run() throws {
      let keys = place.folder
      let expires = try end.end(now: .now)
      try keys.create(actor: "actor", expires: expires)
      let use =
        place.run.map { "tributary train --run \($0.shellWord) --listen …" }
        ?? "tributary train --keys \(keys.path.shellWord) --listen …"
      Console.line("\(keys.learner)  stays here: \(use)")
      Console.line(
        "\(keys.member("actor"))  goes to the other machine: tributary actor --key …"
          + KeysCommand.until(expires))
      Console.line("\(keys.allowed)  who may join")
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a key for one more actor and allow it.",
      discussion: """
        Examples:
          tributary keys add desk
          tributary keys add job-4711 --run runs/first --expires 12h
          tributary keys add rack-3 --role relay
        """)

    enum Member: String, ExpressibleByArgument, CaseIterable {
      case actor, relay

      var role: KeyFile.Role { self == .actor ? .actor : .relay }
    }

    @Argument(help: "The key's name: letters, digits, dots, dashes and underscores.")
    var name: String

    @OptionGroup var place: KeyPlace
    @OptionGroup var end: KeyEnd

    @Option(help: "Whom it is for; a relay passes parameters on.")
    var role = Member.actor

    func run() throws {
      let keys = place.folder
      let expires = try end.end(now: .now)
      try keys.add(role.role, name, expires: expires)
      Console.line(
        "\(keys.member(name))  goes to the other machine: tributary \(role.rawValue) --key …"
          + KeysCommand.until(expires))
    }
  }

  struct Revoke: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take a key out of the list.",
      discussion: """
        A learner that runs ends the sessions of the key within a second or two. The key's file here is deleted.

        Example:
          tributary keys revoke desk
        """)

    @Argument(help: "The key's name; `keys list` shows them.")
    var name: String

    @OptionGroup var place: KeyPlace

    func run() throws {
      try place.folder.revoke(name)
      Console.line("\(name) may not join any more: its line is out of \(place.folder.allowed)")
    }
  }

  static func until(_ expires: WallTime?) -> String {
    expires.map { "  (until \($0), by the learner's clock)" } ?? ""
  }
}
