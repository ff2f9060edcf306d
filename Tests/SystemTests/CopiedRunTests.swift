import Foundation
import Ledger
import TestSupport
import Testing

/// A run folder holds all that its run needs, wherever it lies and however it was copied.
@Suite(.serialized) struct CopiedRunTests {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  private func shell(_ script: String) throws -> (status: Int32, said: String) {
    try Shell.run(script, in: folder)
  }

  private func link(_ path: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: folder.file(path))
  }

  @Test(arguments: [
    // scp -r, rsync -L, an object store.
    "cp -rL a b",
    // A disk or an archive without links: a file that holds what the link held, or nothing.
    "cp -r a b; for n in latest best; do t=$(readlink a/checkpoints/$n); rm b/checkpoints/$n; echo $t > b/checkpoints/$n; done",
    "cp -r a b; for n in latest best; do rm b/checkpoints/$n; : > b/checkpoints/$n; done",
    // Folders that are not what they were copied from, and nobody's.
    "cp -rL a b; rm b/checkpoints/latest/state.json; rm -r b/checkpoints/best; mkdir b/checkpoints/best; touch b/checkpoints/best/mine",
    // The folder that the link led to is gone, and the copy under the link's name is the only one.
    "cp -rL a b; rm -r b/checkpoints/000012",
    "cp -r a b; rm b/checkpoints/latest b/checkpoints/best",
  ]) func `links that a copy made folders or files of are no obstacle`(copying: String) throws {
    _ = try shell("$T train density --run a --updates 12 --actors 1; \(copying)")
    let outcome = try shell("$T train --run b --updates 40 --actors 1")
    #expect(outcome.status == 0, "\(outcome.said)")
    #expect(link("b/checkpoints/latest") == "000040")
    let undisturbed = try shell("$T resume a --updates 40 --actors 1 --json | tail -n 1")
    let hash = try #require(undisturbed.said.firstMatch(of: /"params_hash":"([0-9a-f]+)"/)?.1)
    let replay = try shell("$T replay b --verify")
    #expect(replay.status == 0 && replay.said.contains(hash), "\(replay.said)")
    let leftovers = try FileManager.default.contentsOfDirectory(
      atPath: folder.file("b/checkpoints")
    ).filter { $0.hasPrefix(".") }
    #expect(leftovers.isEmpty)
  }

  @Test func `a best that became a folder is still the best, and kept`() throws {
    _ = try shell("$T train density --run a --updates 12 --actors 1")
    let best = try #require(link("a/checkpoints/best"))
    _ = try shell("cp -rL a b")
    #expect(Checkpoint.best(in: RunFolder(folder.file("b"))) == UInt64(best))
    #expect(try shell("$T eval b/checkpoints/best --json | tail -n 1").status == 0)
    #expect(try shell("$T resume b --updates 60 --set eval.every=0 --actors 1").status == 0)
    #expect(
      FileManager.default.fileExists(atPath: folder.file("b/checkpoints/\(best)"))
        || link("b/checkpoints/best") != best)
  }

  @Test func `a run needs the file no more that its base came from`() throws {
    let setup = try shell(
      """
      $T pretrain density --steps 20 -o base.safetensors && $T pretrain density --steps 30 -o other.safetensors &&
      $T train density --run r --updates 2 --actors 1 --set eval.every=0 --set model.init=base.safetensors
      """)
    #expect(setup.status == 0, "\(setup.said)")
    for script in [
      "mkdir other; cd other; $T train --run ../r --updates 3 --actors 1",
      "mv base.safetensors moved.safetensors; $T resume r --updates 4 --actors 1",
      "$T train --run r --updates 5 --actors 1 --set model.init=moved.safetensors",
      "$T resume r --updates 6 --dry-run", "$T replay r --verify", "$T eval r --weights base",
      "$T config check r", "$T doctor r --set loss.clip=0.1",
      // Checkpoint 0 alone is enough.
      "rm -r r/checkpoints/00000[1-9] r/checkpoints/latest r/checkpoints/best; $T resume r --updates 6 --actors 1",
    ] {
      let outcome = try shell(script)
      #expect(outcome.status == 0, "\(script): \(outcome.said)")
    }
    let other = try shell("$T resume r --updates 7 --set model.init=other.safetensors")
    #expect(other.status == 64 && other.said.contains("model.init"), "\(other.said)")
    let none = try shell("$T resume r --updates 7 --set model.init=none.safetensors")
    #expect(none.status == 64 && none.said.contains("none.safetensors"), "\(none.said)")
  }

  /// Every command that reads a run, from elsewhere, after a move, through a link and with odd spellings
  /// of its path.
  @Test func `a run that was moved is read from anywhere`() throws {
    let setup = try shell(
      """
      mkdir -p one/two && cd one && $T train density --run two/r --updates 3 --actors 1 --set eval.every=1 &&
      mv two/r 'moved r' && rmdir two && ln -s 'moved r' link
      """)
    #expect(setup.status == 0, "\(setup.said)")
    for (place, path) in [
      ("one", "moved r"), ("one", "./link/"), ("one/moved r", "."),
      ("one/moved r/checkpoints", ".."),
      ("/", "$OLDPWD/one/link"), ("one", "../one/link/../moved r"),
    ] {
      for command in [
        "replay P --verify", "eval P", "sample P north -n 1 -o \"$HERE/picture.png\"",
        "inspect P",
        "journal ls P", "journal verify P", "compare P", "config show P", "doctor P",
        "train --run P --updates 5 --dry-run --actors 1",
      ] {
        let words = command.replacing(/\bP\b/, with: "\"\(path)\"")
        let outcome = try shell("HERE=$PWD; cd \"\(place)\" && $T \(words)")
        #expect(outcome.status == 0, "in \(place): \(words): \(outcome.said)")
      }
    }
    for (place, path) in [
      ("one", "moved r/checkpoints/000003"), ("one/moved r/checkpoints", "000003"),
      ("one/moved r/checkpoints/000003", "."), ("one", "link/checkpoints/best/"),
      ("one", "link/checkpoints/latest"),
    ] {
      let outcome = try shell("cd \"\(place)\" && $T eval \"\(path)\"")
      #expect(outcome.status == 0, "in \(place): \(path): \(outcome.said)")
    }
    let resumed = try shell(
      "cd / && $T resume \"$OLDPWD/one/link\" --updates 5 --actors 1")
    #expect(resumed.status == 0, "\(resumed.said)")
    #expect(try shell("$T replay 'one/moved r' --verify").status == 0)
  }
}
