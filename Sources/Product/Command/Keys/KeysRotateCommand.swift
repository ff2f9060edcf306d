import ArgumentParser
import Dialogue
import Ledger
import Records

extension KeysCommand {
  struct Rotate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Replace the learner's key, also while it runs.",
      discussion: """
        Without --now the next key is made and named in the key files of this folder, which you then copy to \
        their machines: actors that run read theirs again before they connect. With --now the next key counts. A \
        learner that runs takes it within a second or two; sessions that are open go on, and whoever connects later \
        must have a key file that names it.

        Examples:
          tributary keys rotate                first: announce
          tributary keys rotate --now          when the key files are copied
        """)

    @OptionGroup var place: KeyPlace

    @Flag(help: "The next key counts from now on.")
    var now = false

    func run() throws {
      let folder = place.folder
      let rotation = try now ? folder.useNext() : folder.announceNext()
      for path in rotation.renewed {
        Console.line("\(path)  names it now; copy it to its machine again")
      }
      if now {
        Console.line("\(folder.learner)  is the key \(rotation.key) from now on")
      } else {
        Console.line("\(folder.next)  the learner's next key, \(rotation.key)")
        Console.line("a key file that is not here needs one more line: next \(rotation.key)")
        Console.line("then: tributary keys rotate --now \(folder.path.shellWord)")
      }
    }
  }
}
