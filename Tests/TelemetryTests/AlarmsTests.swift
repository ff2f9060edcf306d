import Telemetry
import Testing

struct AlarmsTests {
  private func evaluation(
    _ version: Double, soft: Double = 0.6, strict: Double, heldOut: Double = 0.5,
    diversity: Double = 1
  ) -> [String: Double] {
    [
      "version": version, "eval/soft": soft, "eval/strict": strict, "eval/held_out": heldOut,
      "diversity/mean": diversity,
    ]
  }

  private func update(_ version: Int, flat: Double = 0.2, skipped: Double = 0) -> [String: Double] {
    [
      "version": Double(version), "reward/train": 0.5, "group/zero_variance": flat,
      "grad/skipped": skipped,
    ]
  }

  @Test func `a healthy run raises nothing`() {
    var alarms = Alarms()
    for version in 0..<50 {
      #expect(alarms.observe(update(version)).isEmpty)
      if version % 10 == 0 {
        let gain = Double(version) / 200
        let line = evaluation(
          Double(version), soft: 0.6 + gain, strict: 0.4 + gain, heldOut: 0.5 + gain)
        #expect(alarms.observe(line).isEmpty)
      }
    }
    #expect(alarms.standing.isEmpty)
  }

  /// A resumed run looks at every line that `metrics.jsonl` holds.
  @Test(arguments: [1e30, -1e30, 1e100, 1e-300])
  func `numbers that no run measures end nothing`(value: Double) {
    var alarms = Alarms()
    for version in 0..<3 {
      let line = evaluation(
        Double(version), soft: value, strict: -value, heldOut: value, diversity: -value)
      for alarm in alarms.observe(line) { #expect(!alarm.finding.isEmpty) }
      for alarm in alarms.observe(update(version, flat: value, skipped: value)) {
        #expect(!alarm.finding.isEmpty)
      }
    }
  }

  @Test func `a fall of strict is said once, and again only after it rose`() {
    var alarms = Alarms()
    #expect(alarms.observe(evaluation(0, strict: 0.8)).isEmpty)
    let raised = alarms.observe(evaluation(10, strict: 0.5))
    #expect(raised.map(\.kind) == [.collapse])
    #expect(
      raised[0].sentence == "strict fell to 0.500 from its best, 0.800; go back to checkpoints/best"
        + " with a smaller optim.learning_rate or a larger loss.kl.beta")
    #expect(alarms.observe(evaluation(20, strict: 0.5)).isEmpty)
    #expect(alarms.observe(evaluation(30, strict: 0.6)).isEmpty)
    #expect(alarms.standing == [.collapse])
    #expect(alarms.observe(evaluation(40, strict: 0.75)).isEmpty)
    #expect(alarms.standing.isEmpty)
    #expect(alarms.observe(evaluation(50, strict: 0.5)).map(\.kind) == [.collapse])
  }

  @Test func `densities that differ by a tenth of the clip are said once`() {
    var alarms = Alarms(clip: 1e-4)
    func line(_ version: Int, _ drift: Double) -> [String: Double] {
      update(version).merging(["ratio/sampler_max_dev": drift]) { $1 }
    }
    #expect(alarms.observe(line(0, 0.9e-5)).isEmpty)
    #expect(alarms.observe(line(1, 1.1e-5)).map(\.kind) == [.densities])
    #expect(alarms.observe(line(2, 0.6e-5)).isEmpty)
    #expect(alarms.observe(line(3, 1.1e-5)).isEmpty, "it stands")
    #expect(alarms.observe(line(4, 0.4e-5)).isEmpty)
    #expect(alarms.observe(line(5, 2e-5)).count == 1)
    var unclipped = Alarms()
    #expect(unclipped.observe(line(0, 1)).isEmpty)
  }

  @Test func `diversity that nobody measures raises nothing`() {
    var alarms = Alarms()
    for version in [0.0, 10] {
      var line = evaluation(version, strict: 0.5)
      line["diversity/mean"] = nil
      #expect(alarms.observe(line).isEmpty)
    }
  }

  @Test func `diversity is measured against the base`() {
    var alarms = Alarms()
    #expect(alarms.observe(evaluation(0, strict: 0.5, diversity: 0.5)).isEmpty)
    #expect(alarms.observe(evaluation(10, strict: 0.5, diversity: 0.31)).isEmpty)
    #expect(
      alarms.observe(evaluation(20, strict: 0.5, diversity: 0.29)).map(\.kind) == [.diversity])
  }

  @Test func `a judge that does not follow is a gap`() {
    var alarms = Alarms()
    _ = alarms.observe(evaluation(0, soft: 0.6, strict: 0.4, heldOut: 0.5))
    let raised = alarms.observe(evaluation(10, soft: 0.8, strict: 0.6, heldOut: 0.52))
    #expect(raised.map(\.kind) == [.heldOutGap])
  }

  /// Rewards of any scale and either sign.
  @Test(arguments: [1.0, 100, -1])
  func `a fall of the watched reward is said by its name`(scale: Double) {
    let metric = MetricFamily.heldOutReward["redness"]
    var alarms = Alarms(watching: .init(metric, name: "redness", judgeTrains: false))
    func line(_ version: Double, _ value: Double, strict: Double) -> [String: Double] {
      evaluation(version, soft: strict, strict: strict, heldOut: 0).merging([
        metric.name: scale > 0 ? scale * value : value - 2, "eval/error": abs(scale) * 0.01,
      ]) { $1 }
    }
    // The task's judge may do as it likes.
    #expect(alarms.observe(line(0, 0.4, strict: 0.8)).isEmpty)
    #expect(alarms.observe(line(10, 0.9, strict: 0.1)).isEmpty)
    #expect(alarms.observe(line(20, 0.85, strict: 0.9)).isEmpty)
    let raised = alarms.observe(line(30, 0.3, strict: 0.9))
    #expect(raised.map(\.kind) == [.collapse])
    #expect(raised.first?.finding.hasPrefix("redness fell to ") == true)
  }

  @Test func `what chance does is no fall`() {
    var alarms = Alarms(watching: .init(.heldOutReward, name: "a + b", judgeTrains: true))
    for (version, value) in [0.01, 0.03, -0.02, 0.02].enumerated() {
      let line = evaluation(Double(version), strict: 0.5).merging([
        "eval/reward": value, "eval/error": 0.02,
      ]) { $1 }
      #expect(alarms.observe(line).isEmpty)
    }
  }

  @Test func `flat groups and refused steps are seen over ten updates`() {
    var alarms = Alarms()
    for version in 0..<9 {
      #expect(alarms.observe(update(version, flat: 1, skipped: 1)).isEmpty)
    }
    #expect(
      alarms.observe(update(9, flat: 1, skipped: 1)).map(\.kind) == [.zeroVariance, .refusedSteps])
  }

  @Test func `a pause is said once, and again after it has ended`() {
    var alarms = Alarms()
    let first = alarms.observePause("red: exit code 1", version: 4)
    #expect(first.map(\.kind) == [.rewardPause])
    #expect(first.first?.finding == "paused because rewards fail: red: exit code 1")
    #expect(alarms.observePause("red: exit code 1", version: 4).isEmpty)
    alarms.observeEndOfPause()
    #expect(alarms.observePause("red: exit code 1", version: 9).count == 1)
  }

  @Test func `a disk that fills is said once, and again after there was room`() {
    var alarms = Alarms()
    func observe(_ free: UInt64) -> [Alarm] {
      alarms.observeSpace(free: free, needed: 5_000_000, updates: 100, version: 3)
    }
    #expect(observe(5_000_000).isEmpty)
    let alarm = observe(4_000_000)
    #expect(alarm.map(\.kind) == [.lowDisk])
    #expect(alarm[0].sentence.contains("4 MB are free") && alarm[0].sentence.contains("need 5 MB"))
    #expect(observe(3_000_000).isEmpty && observe(9_000_000).isEmpty)
    #expect(observe(11_000_000).isEmpty)
    #expect(observe(1_000_000).count == 1)
  }

  @Test func `silence is over when an update comes`() {
    var alarms = Alarms()
    func silence() -> [Alarm] {
      alarms.observeSilence(
        seconds: 60, version: 3, missing: "update 3 lacks 2 of 8 units", remedy: "start an actor")
    }
    #expect(
      silence().map(\.sentence) == [
        "no result for 60 s: update 3 lacks 2 of 8 units; start an actor"
      ])
    #expect(silence().isEmpty)
    _ = alarms.observe(update(4))
    #expect(silence().count == 1)
  }
}
