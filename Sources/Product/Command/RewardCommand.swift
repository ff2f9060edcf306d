import ArgumentParser
import Dialogue
import Flow
import Foundation
import HTTP
import Learning
import Objective
import Programs
import Records
import Rewards
import Synchronization
import Tasks

struct RewardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reward", abstract: "Try a reward before a run depends on it.",
    subcommands: [RewardTestCommand.self])
}

struct RewardTestCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "One reward on pictures: scores, latency, failures.",
    discussion: """
      Examples:
        tributary reward test scripts/examples/redness.py picture.png
        tributary reward test http://127.0.0.1:8000 runs/mine -n 32
        tributary reward test judge runs/mine

      Pictures of a run are samples of its averaged weights for its evaluation \
      prompts, asked about in batches as training does. The first failure ends the \
      trial with exit code 4 and the last lines of the program's standard error.
      """)

  @Argument(
    help: ArgumentHelp(
      "A judge (judge, strict, held-out), a program, a URL, or a name in the run's reward.train.",
      valueName: "reward"))
  var reward: String

  @Argument(help: ArgumentHelp("PNG files, or a run, a checkpoint or a safetensors file."))
  var pictures: [String]

  @Option(help: "The prompt that goes with PNG files.")
  var prompt = ""

  @Option(name: .short, help: "Pictures of a run.")
  var n = 16

  @Flag(help: "Show a program or a server the latents and not the pictures.")
  var latents = false

  @Flag(help: "Print the scores as one JSON object.")
  var json = false

  func validate() throws {
    guard (1...10_000).contains(n) else { throw ValidationError("-n \(n) is not in 1...10000") }
    guard !pictures.isEmpty else { throw ValidationError("name PNG files or a run") }
  }

  func run() throws {
    let areFiles = pictures.allSatisfy { $0.lowercased().hasSuffix(".png") }
    guard areFiles || pictures.count == 1 else {
      throw RunFailure(.usage, "give PNG files, or one run; not both")
    }
    let policy = areFiles ? nil : try Policy(pictures[0], .ema)
    var source = policy?.recipe.rewards.first { $0.name == reward } ?? RewardSource(reward)
    if latents { source.input = .latent }
    source.locate()
    if let obstacle = source.obstacle { throw RunFailure(.usage, obstacle) }
    if case .server(let text) = source.place { try Self.checkAddress(text) }
    // PNG files are passed on as they are, whatever the task.
    let task: any Task = policy?.recipe.task ?? Density()
    let judged = RewardPanel.reward(source, task: task)
    defer { judged.close() }
    let isInterrupted = Atomic<Bool>(false)
    let interrupts = Interrupts {
      isInterrupted.store(true, ordering: .relaxed)
      judged.close()
      _exit(RunFailure.Code.interrupted.rawValue)
    }
    defer { interrupts.cancel() }
    if let server = judged as? HTTPReward { try checkHealth(of: server) }
    Console.line("reward \(source.name) (\(source.label))")
    let exhibits = try policy.map(samples) ?? files()
    let unit = policy.map { $0.recipe.algorithm.plan.outcomeCount } ?? exhibits.count
    let trial = RewardTrial(of: judged, on: exhibits, batch: max(1, unit)) { exhibit, score in
      let number = score.map { Console.number(Double($0), digits: 4) } ?? "–"
      Console.line(Console.right(number, 10) + "   \(exhibit.prompt.text)")
    }
    if isInterrupted.load(ordering: .relaxed) { throw RunFailure(.interrupted, "interrupted") }
    try summarise(trial, of: exhibits.count, source: source, unit: policy == nil ? nil : unit)
    guard let failure = trial.failure else { return }
    if failure.fault.kind == .unsuitable { throw RunFailure(.usage, "\(failure)") }
    throw RunFailure(
      .mismatch, "\(exhibits.count - trial.scores.count) of \(exhibits.count) pictures got no score"
    )
  }

  private static func checkAddress(_ text: String) throws {
    do throws(HTTPAddressError) {
      _ = try HTTPAddress(text)
    } catch {
      throw RunFailure(.usage, "\(error); write http://HOST:PORT")
    }
  }

  private func checkHealth(of server: HTTPReward) throws {
    do throws(Fault) {
      try server.checkHealth()
    } catch {
      throw RunFailure(.unreachable, "\(error); is the server running?")
    }
  }

  /// Samples of a policy, one for each of its evaluation prompts in turn.
  private func samples(of policy: Policy) throws -> [Exhibit] {
    let all = policy.recipe.task.heldOutPrompts
    let noises = (n + all.count - 1) / all.count
    // Spread over the list, and so over its categories.
    let prompts = (0..<min(n, all.count)).map { all[$0 * all.count / min(n, all.count)] }
    let session = policy.recipe.session()
    let latents = try Evaluation.latents(
      of: policy.weights, session: session,
      prompts: prompts, noises: noises, odeSteps: policy.recipe.evaluation.odeSteps,
      guidance: policy.recipe.algorithm.guidance.evaluation)
    let results = zip(prompts, latents).flatMap { prompt, latents in
      latents.map { (prompt: prompt, latent: $0) }
    }
    return try policy.recipe.exhibits(of: Array(results.prefix(n)), by: session)
  }

  private func files() throws -> [Exhibit] {
    try pictures.map { path in
      guard let data = FileManager.default.contents(atPath: path) else {
        throw RunFailure(.usage, "there is no \(path)")
      }
      return Exhibit(prompt: Prompt(text: prompt, category: ""), result: .png(Array(data)))
    }
  }

  /// - Parameter unit: pictures that training asks about at once; nil where no run is known.
  private func summarise(
    _ trial: RewardTrial, of count: Int, source: RewardSource, unit: Int?
  ) throws {
    let scores = trial.scores.map(Double.init)
    if let failure = trial.failure {
      for line in failure.fault.errorLines { Console.error("  stderr \(line)") }
      Console.error("! \(failure)")
      if trial.scores.count + failure.asked < count {
        Console.error(
          "  the other \(count - trial.scores.count - failure.asked) were not asked about")
      }
    }
    if !scores.isEmpty {
      Console.line(
        "scores    mean \(Console.number(scores.reduce(0, +) / Double(scores.count)))  smallest"
          + " \(Console.number(scores.min() ?? .nan))  largest \(Console.number(scores.max() ?? .nan))"
      )
    }
    if trial.hasNoSpread {
      Console.line(
        "          ! all \(scores.count) scores are equal: equal rewards have no advantage over one"
          + " another, and nothing is learnt", .warning)
    }
    let milliseconds = trial.seconds.map { 1000 * $0 }
    let later = milliseconds.dropFirst().sorted()
    if let first = milliseconds.first {
      let rest =
        later.isEmpty
        ? ""
        : ", then median \(Console.number(later[later.count / 2], digits: 1)) ms, slowest"
          + " \(Console.number(later[later.count - 1], digits: 1)) ms"
      Console.line(
        "latency   first batch of \(min(unit ?? count, count)) pictures"
          + " \(Console.number(first, digits: 1)) ms (with its start)\(rest)")
    }
    if let unit, count < unit {
      Console.line(
        "          training asks about \(unit) pictures at once; try -n \(unit), and reward.train:"
          + " {…, timeout: SECONDS} if one answer takes long")
    }
    Console.line("failures  \(count - scores.count) of \(count)")
    if !source.isDeterministic {
      Console.line(
        "          not declared deterministic; if equal pictures always score alike, say so in"
          + " reward.train: {…, deterministic: true}")
    }
    guard json else { return }
    let missing = Array(repeating: NSNull() as Any, count: count - scores.count)
    try Console.json([
      "reward": source.name, "scores": scores.map { $0 as Any } + missing,
      "failures": count - scores.count, "fault": trial.failure.map { "\($0)" as Any } ?? NSNull(),
      "stderr": trial.failure?.fault.errorLines ?? [],
      "spread": (scores.max() ?? 0) - (scores.min() ?? 0),
      "latency_ms": [
        "first": milliseconds.first.map { $0 as Any } ?? NSNull(),
        "median": later.isEmpty ? NSNull() : later[later.count / 2] as Any,
        "slowest": later.last.map { $0 as Any } ?? NSNull(),
      ],
    ])
  }
}
