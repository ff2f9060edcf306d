import Foundation
import Learning
import Ledger
import Records
import Roles
import Telemetry
import TestSupport
import Testing
import Wire

/// How a run stands, as its exchange and its learner say it.
struct RunStatusTests {
  private func status(_ desk: ExchangeDesk, now: Double) -> RunStatus.Exchange {
    desk.state.status(wire: 0, now: now)
  }

  private func whole(_ exchange: RunStatus.Exchange? = nil) -> RunStatus {
    var status = RunStatus(
      state: .running, time: 1_000,
      run: RunStatus.Run(
        path: "runs/a", runID: "r", task: "t \"\n", generation: 2, numericsClass: "c"),
      progress: RunStatus.Progress(version: 3, target: 60))
    status.exchange = exchange
    status.newest = ["grad/norm": 0.5, "eval/soft/x y": 1, "reward/part/\"": 2]
    status.disk = RunStatus.Disk(freeBytes: 1 << 40, neededBytes: 12_345, journalBytes: 77)
    status.alarms = [RunStatus.Trouble(text: "f", age: 1, alarm: "low_disk", version: 2)]
    return status
  }

  @Test func `the exchange says who works and what became of units`() throws {
    var desk = ExchangeDesk()
    desk.hello("a", now: 0)
    desk.hello("b", now: 2)
    desk.work("a", now: 2)
    let first = try desk.unit(0)
    desk.deliver("a", first, now: 3)
    desk.tell(.order(.durable([first])), now: 3.5)
    desk.deliver("a", try desk.unit(1), now: 4)
    desk.deliver("a", try desk.unit(1), now: 4)
    desk.deliver("a", try desk.unit(1, isOther: true), now: 5)
    desk.deliver("a", try desk.unit(2), verdict: { _ in .invalid("non\u{1b}sense") }, now: 6)
    let status = status(desk, now: 8)
    #expect(status.actors.map(\.name) == ["a", "b"] && status.joined == 2)
    let a = status.actors[0]
    #expect(a.units == 2 && a.host == "here" && a.age == 8 && a.heard == 2)
    #expect(a.version == 0 && a.lag == 0 && a.leases == 1)
    #expect(a.trouble?.text == "non\u{1b}sense" && a.trouble?.age == 2)
    #expect(status.actors[1].units == 0 && status.actors[1].version == nil)
    #expect(status.units.durable == 1 && status.units.arrived == 1 && status.units.leased == 1)
    #expect(status.results.counted == 2 && status.results.equal == 1)
    #expect(status.results.nondeterministic == 1 && status.results.refused == 2)
    #expect(status.leases.normal + status.leases.attempt == 4)
    #expect(status.paramsHash == "\(desk.policy.snapshot.hash)")
    desk.tell(.closed(desk.session(of: "b")), now: 9)
    let later = self.status(desk, now: 10)
    #expect(later.actors.map(\.name) == ["a"])
    #expect(later.left.first?.left?.text == "its connection closed")
  }

  @Test func `it is told as an action, and changes nothing`() {
    var desk = ExchangeDesk()
    desk.hello("a", now: 0)
    desk.work("a", now: 0)
    _ = desk.look()
    let before = desk.state.sizes
    desk.tell(.order(.describe { _ in }), now: 1)
    let actions = desk.look()
    #expect(actions.count == 1)
    guard case .describe = actions.first else {
      Issue.record("nothing is told")
      return
    }
    #expect(desk.state.sizes == before)
  }

  @Test func `it is read as it was written`() throws {
    var desk = ExchangeDesk()
    desk.hello("a", now: 0)
    let status = whole(status(desk, now: 3))
    #expect(try RunStatus(decoding: status.encoded()) == status)
    let text = String(decoding: try status.encoded(), as: UTF8.self)
    #expect(text.contains("\"run_id\":\"r\"") && text.contains("\"eval/soft/x y\":1"))
    #expect(!text.contains("\n"))
    #expect(throws: RunStatus.Unreadable(format: 2)) {
      try RunStatus(decoding: Array(text.replacing("\"format\":1", with: "\"format\":2").utf8))
    }
    for other in ["", "{}", "[]", "{\"format\":1}", String(repeating: "[", count: 600)] {
      #expect(throws: RunStatus.Unreadable.self) { try RunStatus(decoding: Array(other.utf8)) }
    }
  }

  @Test func `numbers are served as they are, and names of peers not at all`() throws {
    var desk = ExchangeDesk()
    for actor in ["a", "evil\"} 1\nname", "c"] { desk.hello(actor, now: 0) }
    let page = whole(status(desk, now: 3)).exposition
    let read = try PrometheusText(page)
    #expect(!page.contains("evil") && !page.contains("here"))
    #expect(read.value("tributary_actors") == 3)
    #expect(read.value("tributary_version") == 3)
    #expect(read.value("tributary_disk_free_bytes") == 0x1p40)
    #expect(read.value("tributary_disk_needed_bytes") == 12_345)
    #expect(read.value("tributary_journal_bytes") == 77)
    #expect(read.value("tributary_newest", ["metric": "grad/norm"]) == 0.5)
    #expect(read.families["tributary_newest"]?.samples.count == 1, "of one name each")
    let known = Set(ServedMetric.all.map(\.name))
    #expect(Set(read.families.keys).isSubset(of: known))
  }

  @Test func `what the learner says is kept for those who ask later`() {
    var figures = LearnerFigures()
    #expect(!figures.isReady)
    figures.observe(.resumed(version: 7, rerun: 1), now: 1)
    figures.observe(
      .listening(Endpoint(endpoint: "tcp://h:1", epoch: 1, pid: 2)), now: 2)
    #expect(figures.isReady)
    for number in 0..<20 { figures.observe(.notice("! trouble \(number)"), now: 3) }
    figures.observe(.notice("+ actor a joined"), now: 3)
    for kind in [Alarm.Kind.lowDisk, .lowDisk, .silence] {
      figures.observe(.alarm(Alarm(kind: kind, version: 7, finding: "f", remedy: "r")), now: 4)
    }
    figures.observe(.progress(version: 7, units: 3, of: 24), now: 5)
    figures.observe(.waiting("waiting for units"), now: 6)
    var status = whole()
    figures.describe(&status, now: 10)
    #expect(status.progress.version == 7 && status.progress.age == 8)
    #expect(status.progress.unitsHere == 3 && status.progress.unitsPerUpdate == 24)
    #expect(status.progress.updateSeconds == nil && status.progress.updates == 0)
    #expect(status.notices.count == 8 && status.notices.last?.text == "trouble 19")
    #expect(status.alarms.map(\.alarm) == ["low_disk", "low_disk", "silence"])
    figures.observe(.evaluating(version: 7), now: 11)
    #expect(figures.phase == .evaluating && figures.isReady)
    figures.observe(.draining, now: 12)
    #expect(figures.phase == .ending && !figures.isReady)
  }
}
