import ArgumentParser
import Dialogue
import Ledger
import Records

struct KeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys", abstract: "Make the keys with which actors of other machines join.",
    discussion: """
      Examples:
        tributary keys new                   keys/learner.key, keys/actor.key, keys/allowed
        tributary keys add desk              one more actor: keys/desk.key
        tributary train --listen tcp://0.0.0.0:5555 --keys keys
        tributary actor --connect tcp://HOST:5555 --key actor.key     elsewhere

      A .key file is a secret. Deleting a line of keys/allowed shuts its owner out,
      also while the learner runs.
      """, subcommands: [New.self, Add.self])

  struct New: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a learner's key and one for an actor.",
      discussion: """
        Examples:
          tributary keys new
          tributary keys new secrets/first
        """)

    @Argument(help: "The folder to make them in.")
    var directory = "keys"

    func run() throws {
      let keys = KeyFolder(directory)
      try keys.create(actor: "actor")
      Console.line(
        "\(keys.learner)  stays here: tributary train --keys \(directory.shellWord) --listen …")
      Console.line("\(keys.actor("actor"))  goes to the other machine: tributary actor --key …")
      Console.line("\(keys.allowed)  who may join")
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a key for one more actor and allow it.",
      discussion: """
        Example:
          tributary keys add desk
        """)

    @Argument(help: "The actor's name: letters, digits, dots, dashes and underscores.")
    var name: String

    @Argument(help: "The folder that `keys new` made.")
    var directory = "keys"

    func run() throws {
      let keys = KeyFolder(directory)
      try keys.add(actor: name)
      Console.line("\(keys.actor(name))  goes to the other machine: tributary actor --key …")
    }
  }
}
