import Foundation
import Testing
import TestSupport

/// A wrong command line: one sentence that says what was meant, and exit code 64.
struct UsageTests {
  @Test(arguments: [
    (["trian"], "did you mean tributary train?"),
    (["journal", "verfiy", "x"], "did you mean tributary journal verify?"),
    (["config", "chek"], "did you mean tributary config check?"),
    (["xyzzy"], "the commands are train, resume, learner"),
    (["train", "--sed", "3"], "did you mean '--seed'? See tributary train --help"),
    (["train", "a", "b"], "unexpected argument 'b'; see tributary train --help"),
    (["sample"], "missing expected argument '<policy>'; see tributary sample --help"),
    (["actor"], "give either --run FOLDER or --connect ENDPOINT; see tributary actor --help"),
    (["compare", "x", "--x", "hours"], "'hours'"),
    (["golden"], "missing expected argument '<directory>'; see tributary golden --help"),
    (["bench", "modle"], "did you mean tributary bench model?"),
    (["config", "check", "flow-gropo"], "did you mean flow-grpo?"),
    (["train", "shaeps"], "did you mean shapes?"),
    (["config", "check", "xyzzy"], "the presets are shapes"),
    (["config", "check", "--set", "loss.bta=1"], "did you mean loss.beta or loss.kl.beta?"),
    (["config", "check", "--set", "kl.beta=1"], "did you mean loss.kl.beta?"),
    (["config", "check", "--set", "learning_rate=1"], "did you mean optim.learning_rate?"),
    (["config", "check", "--set", "loss.kl=1"], "loss.kl (command line) is a section"),
    (["config", "check", "--set", "preset=density"], "preset is what a file starts from"),
    (["config", "check", "--set", "seed=1", "--set", "seed = 2"], "seed is given twice"),
    (["train", "--seed", "1", "--set", "seed=1"], "--seed and --set seed"),
    (["train", "--updates", "1", "--set", "updates=1"], "--updates and --set updates"),
  ])
  func `a wrong command line is one sentence`(command: [String], words: String) throws {
    let folder = try ScratchFolder()
    let outcome = try Tributary.run(command, in: folder)
    #expect(outcome.status == 64)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("tributary: "), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains(words), "\(outcome.errors)")
  }

  @Test func `spaces around a key and its value are no part of them`() throws {
    let folder = try ScratchFolder()
    let shown = try Tributary.run(
      ["config", "show", "--changed", "--set", " loss.kl.beta = 0.25 "], in: folder)
    #expect(shown.output.hasPrefix("*loss.kl.beta") && shown.output.contains("0.25"))
  }

  @Test(arguments: [
    "train", "learner", "actor", "sweep", "keys new", "keys add", "keys list", "keys revoke",
    "keys rotate", "pretrain", "import", "compare", "eval",
    "sample", "inspect", "export", "merge-adapter", "journal ls", "journal cat", "journal verify",
    "journal repair",
    "journal export", "journal prune", "replay", "config show", "config check", "config explain",
    "config schema", "doctor", "model describe", "model check", "model new", "reward test",
    "presets", "tasks", "rewards", "metrics", "golden",
    "bench model", "bench update", "bench kernels", "bench wire", "bench ingest", "bench packing",
  ])
  func `every command has an example`(command: String) throws {
    let folder = try ScratchFolder()
    let words = command.split(separator: " ").map(String.init)
    let help = try Tributary.run(words + ["--help"], in: folder)
    #expect(help.status == 0)
    #expect(help.output.contains("\n  tributary \(command)"), "\(help.output)")
    // All commands that help lists are in the list above.
    guard command == "train" else { return }
    let root = try Tributary.run(["--help"], in: folder).output
    for group in ["TRAIN SUBCOMMANDS:", "LOOK AT RUNS SUBCOMMANDS:", "BEFORE A RUN SUBCOMMANDS:"] {
      #expect(root.contains(group), "\(root)")
    }
  }

  @Test func `presets are whole sentences`() throws {
    let folder = try ScratchFolder()
    for line in try Tributary.run(["presets"], in: folder).output.split(separator: "\n") {
      #expect(line.hasSuffix("."), "\(line)")
    }
  }
}
