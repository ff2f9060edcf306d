import Foundation
import Records

/// How a run stands: what its learner says of itself, or what the folder knows where none serves it. JSON, with names in
/// snake case.
///
/// Times are seconds before ``time``, unless they say something else. What is not known is left out.
package struct RunStatus: Codable, Equatable, Sendable {
  /// Of the form of what follows. A reader of this release reads no other.
  package static let format = 1

  package enum State: String, Codable, Sendable {
    /// Its learner has answered.
    case running
    /// Its learner is there and does not answer.
    case silent
    /// No learner of this machine serves it, and it has not reached its last version.
    case stopped
    case finished
  }

  package var format = Self.format
  package var state: State
  /// When this was said, in seconds since 1970-01-01 UTC.
  package var time: Double
  package var run: Run
  package var progress: Progress
  package var learner: Learner?
  package var exchange: Exchange?
  package var evaluation: Evaluation?
  package var disk: Disk?
  /// The last update's numbers, under their names in `metrics.jsonl`.
  package var newest: [String: Double]?
  /// The last ones, oldest first.
  package var alarms: [Trouble] = []
  /// What the learner complained of last, oldest first.
  package var notices: [Trouble] = []
  /// What to do, where no learner serves the run.
  package var advice: String?

  package init(state: State, time: Double, run: Run, progress: Progress) {
    self.state = state
    self.time = time
    self.run = run
    self.progress = progress
  }

  package struct Run: Codable, Equatable, Sendable {
    package var path: String
    package var runID: String
    package var task: String
    /// Lives of its learner so far.
    package var generation: UInt64
    package var numericsClass: String

    package init(
      path: String, runID: String, task: String, generation: UInt64, numericsClass: String
    ) {
      self.path = path
      self.runID = runID
      self.task = task
      self.generation = generation
      self.numericsClass = numericsClass
    }

    // As the strategies below turn it round.
    private enum CodingKeys: String, CodingKey {
      case path, task, generation, numericsClass
      case runID = "runId"
    }
  }

  package struct Progress: Codable, Equatable, Sendable {
    package var version: UInt64
    /// The version at which the run is done.
    package var target: UInt64
    /// Seconds since the last update or evaluation, or since the start; nil where nothing says so.
    package var age: Double?
    /// Units of the next update that are durable, and how many it takes.
    package var unitsHere: Int?
    package var unitsPerUpdate: Int?
    /// Of this learner.
    package var updates: Int?
    package var updateSeconds: UpdateSeconds?
    package var lag: Lag?

    package init(version: UInt64, target: UInt64) {
      self.version = version
      self.target = target
    }
  }

  package struct UpdateSeconds: Codable, Equatable, Sendable {
    /// Of the last 100 updates.
    package var median: Double
    package var last: Double
    /// Of all updates of this learner.
    package var sum: Double
    package var learn: Double
    package var wait: Double
  }

  /// How many units were learned from so many versions after their parameters.
  package struct Lag: Codable, Equatable, Sendable {
    /// The last update's.
    package var mean: Double
    package var largest: UInt64
    /// Of all units of this learner, up to each of ``bounds``, and above.
    package var counts: [Int]
    package var sum: Double

    package static let bounds: [UInt64] = [0, 1, 2, 4, 8, 16]
  }

  package struct Learner: Codable, Equatable, Sendable {
    package enum Phase: String, Codable, Sendable {
      case resuming, training, evaluating, ending
    }

    package var phase: Phase
    package var pid: Int32
    package var host: String
    package var release: String
    /// Seconds since it was started.
    package var age: Double
    /// Where actors find it, once it listens.
    package var endpoint: String?
    /// What it waits for.
    package var waiting: String?
    package var memoryBytes: Double?
    package var parametersBytes: UInt64
    package var journalSeconds: Double
    package var journalWrites: Int
    /// How many of each kind it has raised.
    package var alarmCounts: [String: Int]
  }

  package struct Evaluation: Codable, Equatable, Sendable {
    package var version: UInt64
    package var soft: Double?
    package var strict: Double?
    package var heldOut: Double?
    package var reward: Double?
  }

  package struct Disk: Codable, Equatable, Sendable {
    package var freeBytes: UInt64
    /// What two checkpoints and the next updates take, and how many updates these are.
    package var neededBytes: UInt64?
    package var neededUpdates: UInt64?
    package var journalBytes: UInt64?

    package init(
      freeBytes: UInt64, neededBytes: UInt64? = nil, neededUpdates: UInt64? = nil,
      journalBytes: UInt64? = nil
    ) {
      self.freeBytes = freeBytes
      self.neededBytes = neededBytes
      self.neededUpdates = neededUpdates
      self.journalBytes = journalBytes
    }
  }

  /// Something that went wrong.
  package struct Trouble: Codable, Equatable, Sendable {
    package var text: String
    package var age: Double?
    /// Of an alarm: its name in `alarms.jsonl`, and the version.
    package var alarm: String?
    package var version: UInt64?

    package init(text: String, age: Double? = nil, alarm: String? = nil, version: UInt64? = nil) {
      self.text = text
      self.age = age
      self.alarm = alarm
      self.version = version
    }
  }
}

extension RunStatus {
  /// What cannot be read as a status.
  package struct Unreadable: Error, Equatable {
    /// That of another release; nil where the bytes are no status at all.
    package let format: Int?

    package init(format: Int?) { self.format = format }
  }

  private struct Format: Decodable { var format: Int }

  package func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // JSON has none of these.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return Array(try encoder.encode(self))
  }

  /// - Parameter bytes: JSON of somebody else, which must not be nested too deep.
  package init(decoding bytes: [UInt8]) throws(Unreadable) {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let json = ForeignJSON.checked(bytes),
      let format = try? decoder.decode(Format.self, from: Data(json)).format
    else { throw Unreadable(format: nil) }
    guard format == Self.format else { throw Unreadable(format: format) }
    guard let status = try? decoder.decode(RunStatus.self, from: Data(json)) else {
      throw Unreadable(format: nil)
    }
    self = status
  }
}
