import ArgumentParser
import Configuration
import Dialogue
import Flow
import Foundation
import Learning
import Ledger
import Network
import Objective
import Records
import Roles

struct ReplayCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Train again from a run's journal, without actors.",
    discussion: """
      Every committed update is computed again from the recorded trajectories \
      and must give the committed hashes; the first one that does not is named, \
      and the exit code is 4.

      With --set, the recorded units train under another objective beside the \
      run, and the difference is printed: keys of loss, advantage and optim.

      With --serve, an actor answers a learner's leases from the journal \
      instead of computing: the learner must be on the same run, begun anew.

      Examples:
        tributary replay runs/shapes-0001 --verify
        tributary replay runs/shapes-0001 --updates 20..29
        tributary replay runs/shapes-0001 --set loss.clip=0.05 --out other.safetensors
        tributary replay runs/shapes-0001 --serve runs/again
      """)

  @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
  var path: String

  @Option(
    help: ArgumentHelp(
      "Only these updates, from the nearest checkpoint at or before the first.", valueName: "a..b"))
  var updates: UpdateRange?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Train under another objective: change one key of loss, advantage or optim.",
      valueName: "key=value"))
  var changes: [Change] = []

  @Option(
    help: ArgumentHelp(
      "With --set: write the parameters that the other objective ends with.", valueName: "file"))
  var out: OutputFile?

  @Option(
    help: ArgumentHelp(
      "Answer the leases of the learner on this run folder from the journal.", valueName: "run"))
  var serve: String?

  @Flag(help: "Print only the outcome, not a line for each version.")
  var verify = false

  @Flag(help: "Print the outcome as one JSON object.")
  var json = false

  func validate() throws {
    guard out == nil || !changes.isEmpty else {
      throw ValidationError("--out belongs to --set: a replay ends with the run's own parameters")
    }
    let ways = [updates != nil, !changes.isEmpty, serve != nil].count { $0 }
    guard ways <= 1 else {
      throw ValidationError("--updates, --set and --serve cannot be used together")
    }
  }

  func run() throws {
    let run = try OpenRun(existing: path)
    try out?.prepare()
    if let serve { return try self.serve(run, to: RunFolder(serve)) }
    if !changes.isEmpty { return try rehearse(run) }
    do {
      let outcome = try Replay.run(
        run.folder, recipe: run.recipe, terms: run.terms, updates: updates?.range
      ) { version in
        if !verify { Console.line("version \(version) matches") }
      }
      if updates == nil, outcome.first > 0 {
        Console.line("replayed from version \(outcome.first) on: what came before was deleted")
      }
      let exactness = run.recipe.model.contract.exactness
      let within = exactness.ownClass.map { " within \($0)" } ?? ""
      Console.line(
        "\(Console.count(outcome.verified, "update")) replayed, all equal to the last bit\(within); params_hash"
          + " \(outcome.paramsHash)")
      if json {
        try Console.json([
          "verified": outcome.verified, "mismatches": 0, "params_hash": outcome.paramsHash,
          "model_class": exactness.numericsClass,
        ])
      }
    } catch let failure as RunFailure where failure.code == .mismatch {
      if json {
        try Console.json(["verified": 0, "mismatches": 1, "mismatch": failure.description])
      }
      throw failure
    }
  }

  // MARK: Another objective

  private func rehearse(_ run: OpenRun) throws {
    var configuration = run.configuration
    try configuration.apply(changes)
    let allowed = ["loss.", "advantage.", "optim."]
    if let change = changes.first(where: { change in
      !allowed.contains(where: change.key.hasPrefix)
    }) {
      throw RunFailure(
        .usage,
        "\(change.key) decides what is sampled, and the samples are recorded; only keys of loss,"
          + " advantage and optim can be changed in a replay")
    }
    let recipe = try configuration.recipe()
    let outcome = try Rehearsal.run(
      run.folder, recorded: run.recipe, recipe: recipe, terms: run.terms
    ) { step in
      if verify { return }
      func pair(_ a: Double, _ b: Double) -> String {
        "\(Console.number(a, digits: 4)) → \(Console.number(b, digits: 4))"
      }
      Console.line(
        "version \(step.version)  loss \(pair(step.recorded.policyLoss, step.rehearsed.policyLoss))"
          + "  gradient \(pair(step.recorded.gradientNorm, step.rehearsed.gradientNorm))"
          + "  clipped \(pair(step.recorded.clippedShare, step.rehearsed.clippedShare))"
          + "  apart \(Console.number(step.distance, digits: 3))")
    } finished: { policy in
      guard let out else { return }
      try out.write(run.recipe.model.contract.safeTensors(policy.weights).encoded())
    }
    let apart = outcome.last?.distance ?? 0
    Console.line(
      "\(Console.count(outcome.steps, "update")) under another objective: the parameters are"
        + " \(Console.number(apart, digits: 3)) times as far from the run's as these from where they"
        + " began; params_hash \(outcome.paramsHash)")
    if let out { Console.line("written: \(out.name)") }
    if json {
      try Console.json([
        "updates": outcome.steps, "recorded_params_hash": outcome.recordedHash,
        "params_hash": outcome.paramsHash, "distance": apart,
      ])
    }
  }

  // MARK: An actor that computes nothing

  private func serve(_ run: OpenRun, to folder: RunFolder) throws {
    let recorded = try RecordedUnits(of: run.folder, recipe: run.recipe)
    let configuration = run.configuration
    var options = ActorProcess.Options(name: "replay")
    options.patience = .seconds(60)
    let actor = try ActorProcess(
      options: options, locate: { try LearnerAddress(in: folder) },
      prepare: { runID, yaml, lists in
        // Nothing is asked here, and the rewards are those of a run that is kept here, or it ends below.
        let prepared = try ActorCommand.prepare(runID, yaml, lists, .everything)
        var other = RunConfiguration()
        try other.merge(yaml: yaml, file: "the learner's configuration")
        let differences = other.numericalDifferences(from: configuration)
        guard differences.isEmpty else {
          throw RunFailure(
            .usage,
            "the learner's run has other settings than the recorded one:"
              + " \(differences.joined(separator: ", "))")
        }
        return prepared
      }, recorded: { recorded.payload(of: $0) },
      log: { Console.line("\(Date().ISO8601Format()) \($0)") })
    let interrupts = Interrupts(actor.stopper)
    defer { interrupts.cancel() }
    Console.onLostReader(actor.stopper)
    Console.line("serving \(Console.count(recorded.count, "unit")) of \(run.folder.path)")
    try actor.run()
    Console.line("answered \(Console.count(recorded.answered, "lease")) from the journal")
  }
}
