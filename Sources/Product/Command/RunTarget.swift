import Foundation
import Ledger
import Records

/// Which run a command is to train.
struct RunTarget {
  enum Way {
    /// Resume the run, or refuse.
    case resume
    /// Begin a run, or refuse.
    case begin
    /// Resume it if it is there, or else begin it, from a preset that the command names.
    case either
  }

  /// nil for a new run under `runs/`.
  var path: String?
  /// A preset or a file; nil for the default, or for what the existing run says.
  var preset: String?
  /// The checkpoint of another run from which a new one begins.
  var from: ForkPoint?
  var way: Way

  /// Whether the run is there and may be resumed.
  ///
  /// - Throws: where it may be neither resumed nor begun.
  func isThere() throws -> Bool {
    guard let path else { return false }
    switch (try RunFolder(path).contents(), way) {
    case (.run, _) where from != nil:
      throw RunFailure(
        .usage,
        "\(path) exists, and --from begins a run of its own; name another --run, or resume this one:"
          + " tributary resume \(path.shellWord)")
    case (.run, .begin):
      throw RunFailure(
        .usage, "\(path) exists; leave --fresh out to resume it, or name another --run")
    case (.run, _): return true
    case (_, .resume): throw OpenRun.missing(path)
    case (.foreign(let name), _):
      throw RunFailure(
        .usage,
        name == path
          ? "\(path) is not a folder; name a new one"
          : "\(path) is not a run folder and not empty: it holds \(name); name a new folder")
    case (.vacant, .either) where preset == nil && from == nil:
      let missing = OpenRun.missing(path)
      throw RunFailure(
        missing.code,
        "\(missing). To begin a run there, name a preset: tributary train shapes --run"
          + " \(path.shellWord)")
    case (.vacant, _): return false
    }
  }

  /// Where a new run is to lie: `runs/NAME-0001` and so on, unless a path is given.
  func folderForNew() -> RunFolder {
    if let path { return RunFolder(path) }
    let name =
      from.map { URL(fileURLWithPath: $0.run).standardizedFileURL.lastPathComponent + "-fork" }
      ?? URL(fileURLWithPath: preset ?? "shapes").deletingPathExtension().lastPathComponent
    var number = 1
    while true {
      let path = "runs/\(name)-\(String(format: "%04d", number))"
      if !FileManager.default.fileExists(atPath: path) { return RunFolder(path) }
      number += 1
    }
  }
}
