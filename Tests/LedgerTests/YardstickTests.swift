import Telemetry
import Learning
import Ledger
import Rewards
import Tasks
import Testing
import TinyRecipe

struct YardstickTests {
  private static let own = RewardSource(name: "red", place: .program("./red.py"))
  private static let other = RewardSource(name: "soft", place: .server("http://h"))
  private static let strict = RewardSource(name: "strict", place: .judge(.strict))

  private func yardstick(
    _ best: String, _ rewards: [(RewardSource, Double)], asked: Bool = true
  ) -> Yardstick? {
    Yardstick(best, rewards: rewards.map(\.0), weights: rewards.map(\.1), areAsked: asked)
  }

  @Test func `runs of the task's judges go by them, as ever`() {
    #expect(yardstick("auto", [(.judge, 1)])?.kind == .judges)
    #expect(yardstick("auto", [(.judge, 0.5), (Self.strict, 1)])?.kind == .judges)
    #expect(yardstick("auto", [(Self.own, 1)], asked: false)?.kind == .judges)
    #expect(yardstick("auto", [(.judge, 1)])?.metric == .heldOut)
    #expect(yardstick("reward", [(.judge, 1)])?.kind == .soft)
  }

  @Test func `a reward of one's own is what ranks, by its name`() {
    #expect(yardstick("auto", [(Self.own, 1)])?.kind == .part("red"))
    #expect(yardstick("auto", [(Self.own, 0.5)])?.title == "red")
    #expect(yardstick("auto", [(Self.own, -1)])?.kind == .mix, "less of it is better")
    let both = yardstick("auto", [(Self.own, 1), (.judge, 0.5), (Self.other, 0)])
    #expect(both?.kind == .mix && both?.title == "red + 0.5 × judge")
    #expect(yardstick("auto", [(Self.own, 1)])?.metric.name == "eval/reward/red")
  }

  @Test func `a name means the run's own reward first, then the task's scores`() {
    let rewards = [(Self.own, 1.0), (Self.other, 1)]
    #expect(yardstick("soft", rewards)?.kind == .part("soft"))
    #expect(yardstick("soft", [(Self.own, 1)])?.kind == .soft)
    #expect(yardstick("held-out", rewards)?.kind == .heldOut)
    #expect(yardstick("reward", rewards)?.kind == .mix)
    #expect(yardstick("judge", rewards) == nil)
    #expect(yardstick("red", rewards, asked: false) == nil)
    #expect(yardstick("", rewards) == nil)
  }

  /// A reward alone, over three pictures of two prompts each.
  @Test func `frames go by the base's mean`() {
    var recipe = Tiny.recipe()
    recipe.rewards = [Self.own]
    let prompts = recipe.task.heldOutPrompts.prefix(2)
    let results = prompts.map { (prompt: $0, latent: [Float](repeating: 0, count: 2)) }
    let first = Judgement(recipe, base: nil).verdicts(on: results, rewards: [[1], [3]])
    #expect(first.map(\.frame) == [.red, .green])
    #expect(first.map(\.score) == ["1.000", "3.000"])
    #expect(Judgement(recipe, base: nil).frames().contains("by red"))
    let unasked = Judgement(recipe, base: nil).verdicts(on: results, rewards: nil)
    #expect(unasked.map(\.frame) == [.grey, .grey])
    recipe.rewards = [.judge]
    let judged = Judgement(recipe, base: nil).verdicts(on: results, rewards: nil)
    #expect(judged.map(\.frame) == [.red, .red])
    #expect(judged.allSatisfy { $0.fault.contains("away from") })
  }
}
