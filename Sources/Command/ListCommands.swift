import ArgumentParser
import Configuration
import Rewards
import Tasks

struct RewardsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rewards", abstract: "What reward.train takes, a line each.")

  func run() {
    for judge in RewardSource.Judge.allCases {
      Console.line(Console.left(judge.rawValue, 12) + judge.meaning)
    }
    Console.line(
      Console.left("a program", 12)
        + "your own: {name: red, program: ./redness.py}; a JSON line in, a JSON line out")
    Console.line(
      Console.left("a URL", 12)
        + "your own: {name: red, url: \"http://127.0.0.1:8000\"}; GET /health, POST /compute")
  }
}

struct TasksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tasks", abstract: "What can be generated and judged, a line each.")

  func run() {
    for name in taskNames {
      Console.line(Console.left(name, 12) + (task(named: name)?.summary ?? ""))
    }
  }
}

struct PresetsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "presets", abstract: "The shipped configurations, a line each; the default first.")

  func run() {
    for name in RunConfiguration.presets {
      Console.line(Console.left(name, 16) + RunConfiguration.summary(ofPreset: name))
    }
  }
}
