import ArgumentParser
import Foundation
import Objective
import Records
import Rewards
import Roles
import Tasks

struct RewardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reward", abstract: "Try a reward before a run depends on it.",
    subcommands: [RewardTestCommand.self])
}

struct RewardTestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "One reward on pictures: scores, latency, failures.",
    discussion: """
      Examples:
        tributary reward test scripts/examples/redness.py picture.png
        tributary reward test http://127.0.0.1:8000 runs/mine -n 32
        tributary reward test judge runs/mine

      Pictures of a run are samples of its averaged weights for its evaluation \
      prompts. Exit code 4 if a picture got no score.
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

  @Flag(help: "Print the scores as one JSON object on the last line.")
  var json = false

  func validate() throws {
    guard (1...10_000).contains(n) else { throw ValidationError("-n \(n) is not in 1...10000") }
    guard !pictures.isEmpty else { throw ValidationError("name PNG files or a run") }
  }

  /// What came of one picture.
  private struct Trial {
    var exhibit: Exhibit
    var score: Float?
    var seconds: Double
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
    // PNG files are passed on as they are, whatever the task.
    let task: any Task = policy?.recipe.task ?? Density()
    let judged = RewardPanel.reward(source, task: task)
    defer { judged.close() }
    let interrupts = Interrupts {
      judged.close()
      _exit(RunFailure.Code.interrupted.rawValue)
    }
    defer { interrupts.cancel() }
    if let server = judged as? HTTPReward { try checkHealth(of: server) }
    Console.line("reward \(source.name) (\(source.text))")
    var faults: [String] = []
    var trials: [Trial] = []
    for exhibit in try policy.map(samples) ?? files() {
      let start = ContinuousClock.now
      var score: Float?
      do throws(RewardFailure) {
        score = try judged.scores(of: [exhibit], waiting: {})[0]
      } catch {
        if error.fault.kind == .unsuitable { throw RunFailure(.usage, "\(error)") }
        faults.append("\(error)")
        Console.error("! \(error)")
      }
      let seconds = start.duration(to: .now) / .seconds(1)
      trials.append(Trial(exhibit: exhibit, score: score, seconds: seconds))
      let number = score.map { Console.number(Double($0), digits: 4) } ?? "–"
      Console.line(Console.right(number, 10) + "   \(exhibit.prompt.text)")
    }
    try summarise(trials, faults: faults, of: source)
    if !faults.isEmpty {
      throw RunFailure(.mismatch, "\(faults.count) of \(trials.count) pictures got no score")
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
  private func samples(of policy: Policy) -> [Exhibit] {
    let all = policy.recipe.task.heldOutPrompts
    let noises = (n + all.count - 1) / all.count
    // Spread over the list, and so over its categories.
    let prompts = (0..<min(n, all.count)).map { all[$0 * all.count / min(n, all.count)] }
    let latents = Evaluation.latents(
      of: policy.weights, network: policy.recipe.network, task: policy.recipe.task,
      prompts: prompts, noises: noises, odeSteps: policy.recipe.evaluation.odeSteps,
      guidance: policy.recipe.algorithm.guidance)
    let exhibits = zip(prompts, latents).flatMap { prompt, latents in
      latents.map { Exhibit(prompt: prompt, result: .latent($0)) }
    }
    return Array(exhibits.prefix(n))
  }

  private func files() throws -> [Exhibit] {
    try pictures.map { path in
      guard let data = FileManager.default.contents(atPath: path) else {
        throw RunFailure(.usage, "there is no \(path)")
      }
      return Exhibit(prompt: Prompt(text: prompt, category: ""), result: .png(Array(data)))
    }
  }

  private func summarise(_ trials: [Trial], faults: [String], of source: RewardSource) throws {
    let scores = trials.compactMap { $0.score.map(Double.init) }
    let mean = scores.reduce(0, +) / Double(scores.count)
    let milliseconds = trials.map { 1000 * $0.seconds }
    let later = milliseconds.dropFirst().sorted()
    let median = later.isEmpty ? milliseconds[0] : later[later.count / 2]
    let slowest = later.last ?? milliseconds[0]
    Console.line(
      "scores    mean \(Console.number(mean))  smallest \(Console.number(scores.min() ?? .nan))"
        + "  largest \(Console.number(scores.max() ?? .nan))")
    Console.line(
      "latency   first \(Console.number(milliseconds[0], digits: 1)) ms (with its start), then median"
        + " \(Console.number(median, digits: 1)) ms, slowest \(Console.number(slowest, digits: 1)) ms"
    )
    Console.line("failures  \(faults.count) of \(trials.count)")
    if !source.isDeterministic {
      Console.line(
        "          not declared deterministic; if equal pictures always score alike, say so in"
          + " reward.train: {…, deterministic: true}")
    }
    guard json else { return }
    try Console.json([
      "reward": source.name,
      "scores": trials.map { $0.score.map { Double($0) as Any } ?? NSNull() },
      "prompts": trials.map(\.exhibit.prompt.text), "failures": faults.count, "faults": faults,
      "latency_ms": ["first": milliseconds[0], "median": median, "slowest": slowest],
    ])
  }
}
