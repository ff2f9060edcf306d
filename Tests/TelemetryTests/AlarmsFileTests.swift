import Foundation
import Telemetry
import TestSupport
import Testing

struct AlarmsFileTests {
  let place: ScratchFolder

  init() throws { place = try ScratchFolder() }

  @Test func `alarms about numbers that are computed again are dropped, others stay`() throws {
    let kinds: [(Alarm.Kind, UInt64)] = [
      (.collapse, 10), (.staleActor, 11), (.zeroVariance, 12), (.collapse, 20),
    ]
    do {
      let file = try AlarmsFile(path: place.file("alarms.jsonl"), committed: 0)
      for (kind, version) in kinds {
        try file.append(Alarm(kind: kind, version: version, finding: "f", remedy: "r"))
      }
    }
    let whole = try place.read("alarms.jsonl")
    try place.write(whole + Data(#"{"alarm":"coll"#.utf8), to: "alarms.jsonl")
    let file = try AlarmsFile(path: place.file("alarms.jsonl"), committed: 10)
    try file.append(Alarm(kind: .zeroVariance, version: 12, finding: "f", remedy: "r"))
    let versions = try place.read("alarms.jsonl").split(separator: UInt8(ascii: "\n")).map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any]
      return object?["version"] as? Int
    }
    #expect(versions == [10, 11, 12])
  }
}
