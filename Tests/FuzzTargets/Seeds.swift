import Configuration
import Foundation
import Journal
import Network
import Records
import Roles
import Transport
import Wire

extension FuzzTarget {
  /// What a fuzzer begins with: whole inputs, made of our encoders and of a recorded run.
  ///
  /// - Parameter run: the folder Tests/Fixtures/run-1.
  package func seeds(run: String) throws -> [String: [UInt8]] {
    func file(_ name: String) -> [UInt8] {
      Array(FileManager.default.contents(atPath: "\(run)/\(name)") ?? Data())
    }
    func text(_ texts: [String: String]) -> [String: [UInt8]] { texts.mapValues { Array($0.utf8) } }
    func behind(_ first: UInt8, _ texts: [String: String]) -> [String: [UInt8]] {
      texts.mapValues { [first] + Array($0.utf8) }
    }
    switch name {
    case "envelope":
      return Dictionary(
        uniqueKeysWithValues: Message.examples.enumerated().map { index, message in
          (
            "message-\(index)",
            Envelope(epoch: 1, session: 2, sequence: 3, message: message).encoded()
          )
        })
    case "authentication":
      let parts: [[UInt8]] = [
        Array("1.0".utf8), [1], Array("tributary".utf8), Array("::ffff:10.0.0.1".utf8), [],
        Array("CURVE".utf8), [UInt8](repeating: 1, count: 32),
      ]
      return ["question": parts.flatMap { [UInt8($0.count)] + $0 }]
        .merging(text(["tcp": "tcp://[::1]:5555", "ipc": "ipc:///run/x"])) { $1 }
    case "trajectory":
      return [
        "one": [0] + Trajectory.example(points: 1, branches: 1, states: 1, rewards: 0).encoded(),
        "two": [1] + Trajectory.example(points: 2, branches: 3, states: 2, rewards: 2).encoded(),
        "many": [3] + Trajectory.example(points: 2, branches: 9, states: 1, rewards: 16).encoded(),
        "digests": [5]
          + Trajectory.example(points: 2, branches: 3, states: 2, rewards: 2)
          .recorded(as: .digest).encoded(),
        "digest-trunk": [4]
          + Trajectory(
            unit: UnitID(5), version: PolicyVersion(1), prompt: 2, noiseChecksum: 3,
            outcomes: Outcomes(count: 2, latents: [], checksums: [6, 7], rewards: []), points: []
          ).encoded(),
      ]
    case "packed-chunk":
      let chunk = [UInt8](repeating: 7, count: 256) + [UInt8](repeating: 9, count: 256)
      let packed = chunk.withUnsafeBytes { ChunkPacking.packed($0, base: nil) } ?? []
      return ["plain": [127] + packed, "short": [127, 0] + packed.dropLast(2)]
    case "record":
      return Dictionary(
        uniqueKeysWithValues: JournalRecord.examples.enumerated().map {
          ("record-\($0)", $1.encoded())
        })
    case "journal":
      let records = JournalRecord.examples.map { $0.encoded() }
      let parts = records.flatMap { Self.part($0) }
      return ["records": [1] + parts, "segments": [5 | 16 << 3] + parts, "turned": [3] + parts]
    case "audit":
      let records = try Self.recorded(in: "\(run)/journal")
      let beyond = JournalRecord.commit(
        Commit(
          update: .max, epoch: .max, firstUnit: UnitID(.max), unitCount: Int(UInt32.max),
          unitsDigest: .of(1), paramsHash: .of(2), stateHash: .of(3), reward: 0)
      ).encoded()
      return [
        "run": [1] + records.prefix(7).flatMap { Self.part($0) },
        "pruned": [3] + records.prefix(7).flatMap { Self.part($0) },
        "beyond": [3] + (records.prefix(1) + [beyond]).flatMap { Self.part($0) },
        "late": [3] + (records.prefix(1) + records.suffix(6)).flatMap { Self.part($0) },
      ]
    case "safetensors":
      let entries = [
        SafeTensors.Entry(name: "a", shape: [2, 3], scalars: [1, 2, 3, 4, 5, 6]),
        SafeTensors.Entry(name: "\"π\\\n", shape: [], scalars: [7]),
        SafeTensors.Entry(name: "none", shape: [0, 4], scalars: []),
      ]
      return [
        "three": try SafeTensors(entries: entries, metadata: ["note": "π\n", "model": "m"])
          .encoded(),
        "empty": try SafeTensors(entries: []).encoded(),
      ]
    case "configuration":
      return ["run": file("config.yaml")].merging(
        text([
          "rewards":
            "reward:\n  train: [judge, {name: red, program: ./r.py -x, weight: 0.5, timeout: 10},\n"
            + "    {url: \"http://a:1\", side: 32, input: picture, deterministic: true}]\n",
          "prompts": "task:\n  train_prompts: |\n    a photo of a circle\n    two squares\n",
          "anchors": "seed: &x 3\nupdates: *x\n# note\n'eval': {every: \"1\\x30\", noises: ! 2}\n",
        ])
      ) { $1 }
    case "keyfile":
      let friend = PublicKey(bytes: [UInt8](repeating: 1, count: 32))
      guard let key = KeyPair(secretDigits: String(repeating: "4f", count: 32)) else { return [:] }
      return text([
        "actor": KeyFile(role: .actor, name: "a.b-c_1", key: key, learner: friend).text,
        "relay": KeyFile(
          role: .relay, name: "r", key: key, learner: friend, next: key.publicKey,
          expires: WallTime(seconds: 1_800_000_000)
        ).text,
        "learner": "# mine\n" + KeyFile(role: .learner, name: "x", key: key).text,
      ])
    case "allowed":
      let (one, two) = (String(repeating: "0a", count: 32), String(repeating: "fF", count: 32))
      return text([
        "two": "# note\nactor a \(one)\r\n\n  actor\tb-2 \(two)\n",
        "end": "relay r \(one) expires=2027-01-15T08:00:00Z\n",
      ])
    case "prompts-shapes":
      return behind(
        0,
        [
          "plain":
            "\u{feff}a photo of a red circle and a blue square\r\n\ntwo circles\n"
            + "a circle left of a triangle\n"
        ]
      ).merging(
        behind(1, ["json": "{\"prompt\": \"three \\u0073quares\", \"x\": [1]}\n"])
      ) { $1 }
    case "prompts-density":
      return behind(0, ["plain": "north\n South-West \n"]).merging(
        behind(1, ["json": "{\"prompt\":\"north\"}\n"])
      ) { $1 }
    case "prompts-open":
      return behind(0, ["plain": "a red {circle}\n{not} JSON\n", "mark": "a\n\u{feff}b\n"]).merging(
        behind(
          1,
          [
            "json":
              "{\"prompt\": \"a\", \"negative\": \"b\", \"category\": \"c\", \"n\": [1.5, -0, true, null]}\n",
            "lines":
              "{\"prompt\": \" {a} \", \"x\": \"\\u2028\\u0085\\n\", \"y\": {\"z\": 1e22}}\n",
          ])
      ) { $1 }
    case "model-answer":
      return text([
        "velocities": "{\"answer\": \"velocities\", \"call\": 7, \"inline\": 12}",
        "error":
          "{\"answer\": \"error\", \"call\": 7, \"sentence\": \"no memory on the device\", \"retry\": true}",
        "parameters":
          "{\"answer\": \"parameters\", \"call\": 3, \"digest\": \"\(String(repeating: "0a", count: 32))\"}",
      ])
    case "adapter":
      let entries = [
        SafeTensors.Entry(
          name: "base_model.model.x.lora_A.weight", shape: [1, 2], scalars: [1, 2]),
        SafeTensors.Entry(
          name: "base_model.model.x.lora_B.weight", shape: [3, 1], scalars: [0, 1, 2]),
      ]
      let configuration = Array(
        "{\"peft_type\": \"LORA\", \"r\": 1, \"lora_alpha\": 2, \"target_modules\": [\"x\"]}".utf8)
      let head = [UInt8(configuration.count & 255), UInt8(configuration.count >> 8)]
      return [
        "folder": head + configuration + (try SafeTensors(entries: entries).encoded()),
        "half": head + configuration + (try SafeTensors(entries: [entries[0]]).encoded()),
      ]
    case "model-contract":
      return text([
        "whole": Self.contract(
          "\"picture\": [2, 3], \"evaluations\": 2, \"metadata\": [\"count\"], \"more\": {}, "),
        "short": Self.contract(""),
      ])
    case "answer":
      return behind(
        2,
        [
          "scores": "{\"rewards\": [0.75, -1e3]}", "null": "{\"rewards\": [null, 1]}",
          "error": "{\"error\": \"no GPU left\"}", "nan": "{\"rewards\": [NaN, 1]}",
        ])
    case "run-files":
      return [
        "identity": [0] + file("run.json"),
        "endpoint": [1]
          + Array("{\"endpoint\":\"tcp://h:1\",\"epoch\":2,\"pid\":3,\"isEncrypted\":true}".utf8),
      ]
    case "checkpoint":
      return [
        "state": TinyRun.state(try TinyRun.shared()),
        "other": file("checkpoints/000003/state.json"),
      ]
    case "metrics":
      let lines = file("metrics.jsonl").split(separator: 10).prefix(2).joined(separator: [10])
      return ["lines": [0, 0, 0, 0, 0, 0, 0, 3] + lines + [10]]
    case "status":
      var status = RunStatus(
        state: .running, time: 12.5,
        run: RunStatus.Run(
          path: "runs/a", runID: "r", task: "density", generation: 1, numericsClass: "c"),
        progress: RunStatus.Progress(version: 3, target: 60))
      status.newest = ["grad/norm": 0.5]
      status.alarms = [RunStatus.Trouble(text: "f", age: 1, alarm: "low_disk", version: 2)]
      return ["running": try status.encoded()]
    case "question":
      return [
        "metrics": [9] + Array("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n".utf8),
        "head": [40] + Array("HEAD /live?x=1 HTTP/1.0\n\n".utf8),
        "post": [0] + Array("POST / HTTP/1.1\r\n\r\n".utf8),
      ]
    case "page": return ["text": HTTPAnswer(.ok, "alive").encoded()]
    default: return [:]
    }
  }

  private static func contract(_ fields: String) -> String {
    "{\"answer\": \"hello\", \"call\": 0, \"protocol\": 1, \"model\": {\"name\": \"m\", \"version\": \"1\"}, "
      + "\"base\": \"\(String(repeating: "a", count: 64))\", "
      + "\"parameters\": [{\"name\": \"a\", \"shape\": [2, 3]}, {\"name\": \"b\", \"shape\": []}], "
      + "\"latent\": [4], \(fields)\"guidance\": \"linear\", \"class\": \"c\", \"exact\": true, "
      + "\"row_invariant\": true, \"pullback_exact\": false, \"max_rows\": 8, \"slots\": 4, "
      + "\"prompts\": 64}"
  }

  private static func part(_ record: [UInt8]) -> [UInt8] {
    [UInt8(record.count & 255), UInt8(record.count >> 8)] + record
  }

  private static func recorded(in journal: String) throws -> [[UInt8]] {
    var reader = try JournalReader(directory: journal)
    var records: [[UInt8]] = []
    while let frame = try reader.next() { records.append(frame.bytes) }
    return records
  }
}

extension Digest {
  fileprivate static func of(_ byte: UInt8) -> Digest {
    Digest(bytes: [UInt8](repeating: byte, count: 32))
  }
}

extension Message {
  /// One of each kind.
  fileprivate static let examples: [Message] = [
    .hello(
      Hello(
        actor: "a", life: "b", pid: 7, runID: "r", configurationHash: .of(1), modelHash: .of(2),
        numericsClass: "c", highestEpoch: 3,
        held: [Acknowledgement(unit: UnitID(4), digest: .of(5))])),
    .welcome(
      Welcome(
        runID: "r", configuration: "seed: 1\n", configurationHash: .of(1), modelHash: .of(2),
        committed: PolicyVersion(3), heartbeatMilliseconds: 4, livenessMilliseconds: 5,
        discard: [UnitID(6), UnitID(1 << 40)])),
    .reject(Reject(code: .run, text: "ä√🌊")),
    .heartbeat(Heartbeat(free: 1, held: [UnitID(2)], progress: 3, version: PolicyVersion(4))),
    .pulse(Pulse(committed: PolicyVersion(.max))),
    .lease(
      Lease(
        unit: UnitID(1), attempt: 2, version: PolicyVersion(3), paramsHash: .of(4),
        deadlineMilliseconds: 5)),
    .result(
      UnitResult(
        unit: UnitID(1), attempt: 2, version: PolicyVersion(3), paramsHash: .of(4), digest: .of(5),
        byteCount: 1 << 20, sampleMicroseconds: 6, judgeMicroseconds: 7)),
    .acknowledge([Acknowledgement(unit: UnitID(1), digest: .of(2))]),
    .refuse(Refusal(unit: UnitID(1), code: .busy, text: "x")),
    .release(Release(unit: UnitID(1), attempt: 2, code: .rewardFailed, reason: "y")),
    .manifestRequest(PolicyVersion(1)),
    .manifest(
      Manifest(
        version: PolicyVersion(1), paramsHash: .of(2), byteCount: 150, chunkSize: 100,
        chunks: [.of(3), .of(4)])),
    .chunkRequest(ChunkRequest(whole: .of(1), index: 2)),
    .chunk(Chunk(whole: .of(1), index: 2)),
    .drain(reason: "z"), .goodbye(reason: ""),
    .packingRequest(PackingRequest(version: PolicyVersion(1), base: .of(2))),
    .packing(Packing(version: PolicyVersion(1), base: nil, chunks: [.of(3), .of(4)])),
  ]
}

extension Trajectory {
  fileprivate static func example(points: Int, branches: Int, states: Int, rewards: Int)
    -> Trajectory
  {
    Trajectory(
      unit: UnitID(5), version: PolicyVersion(1), prompt: 2, noiseChecksum: 3,
      points: (0..<points).map { point in
        BranchingPoint(
          step: point, state: Array(repeating: 0.5, count: states),
          velocity: Array(repeating: -1, count: states),
          branches: (0..<branches).map { branch in
            Branch(logDensity: -2, nextStateChecksum: UInt32(branch))
          },
          outcomes: Outcomes(
            count: branches, latents: Array(repeating: 0, count: branches * states),
            rewards: Array(repeating: 1, count: branches * rewards)))
      })
  }
}

extension JournalRecord {
  /// One of each kind.
  fileprivate static let examples: [JournalRecord] = [
    .header(
      RunHeader(
        runID: "r", epoch: 1, segment: 0, configurationHash: .of(1), modelHash: .of(2),
        numericsClass: "c", configuration: "seed: 1\n")),
    .trajectory(unit: UnitID(1), epoch: 2, digest: .of(3), payload: [1, 2, 3, 4]),
    .commit(
      Commit(
        update: 1, epoch: 2, firstUnit: UnitID(4), unitCount: 4, unitsDigest: .of(3),
        paramsHash: .of(4), stateHash: .of(5), reward: 0.5)),
  ]
}
