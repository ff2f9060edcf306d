import ArgumentParser
import Ledger

/// The folder of keys that a command is about.
struct KeyPlace: ParsableArguments {
  @Argument(help: "The folder of the keys.")
  var directory = "keys"

  @Option(
    help: ArgumentHelp(
      "Take the folder keys of this run folder, where its learner looks for them.",
      valueName: "folder"))
  var run: String?

  func validate() throws {
    if run == "" { throw ValidationError("--run is empty; name a run folder") }
    if run != nil && directory != "keys" {
      throw ValidationError(
        "\(directory) and --run name a folder of keys each; leave one of them out")
    }
  }

  var folder: KeyFolder { run.map { RunFolder($0).keys } ?? KeyFolder(directory) }
}
