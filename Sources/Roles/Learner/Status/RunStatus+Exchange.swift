extension RunStatus {
  /// Who works for the run, and what became of units: what the learner's exchange says.
  package struct Exchange: Codable, Equatable, Sendable {
    /// Of the committed parameters.
    package var paramsHash: String?
    package var units: Units
    package var leases: Leases
    package var results: Results
    /// Sessions that were opened.
    package var joined: Int
    package var isPaused: Bool
    package var seconds: Seconds
    package var actors: [Actor]
    /// Those that left last, oldest first.
    package var left: [Actor]
  }

  /// Units of the open updates.
  package struct Units: Codable, Equatable, Sendable {
    package var free = 0
    package var leased = 0
    package var checking = 0
    /// On the way to the journal.
    package var arrived = 0
    package var durable = 0
    /// Parts of evaluations that are not on the disk.
    package var evaluationParts = 0
  }

  /// Leases that were granted.
  package struct Leases: Codable, Equatable, Sendable {
    package var normal = 0
    package var backup = 0
    package var audit = 0
    package var attempt = 0
  }

  package struct Results: Codable, Equatable, Sendable {
    package var counted = 0
    /// Came again, with equal bytes.
    package var equal = 0
    /// Are not what their parameters make, or not what another actor made of the same unit.
    package var nondeterministic = 0
    /// Messages of any kind.
    package var refused = 0
  }

  /// What results say that they cost, and this thread's own work.
  package struct Seconds: Codable, Equatable, Sendable {
    package var sample = 0.0
    package var judge = 0.0
    package var wire = 0.0
  }

  package struct Actor: Codable, Equatable, Sendable {
    package var name: String
    package var host: String
    /// Seconds since it came first.
    package var age: Double
    /// Of the parameters of its last unit, and how many versions were committed since when that came.
    package var version: UInt64?
    package var lag: UInt64?
    /// That counted.
    package var units = 0
    package var unitsPerMinute = 0.0
    /// Seconds since it was heard; nil once it has left.
    package var heard: Double?
    /// Units that it has now.
    package var leases: Int?
    package var trouble: Trouble?
    /// Why it left, and when.
    package var left: Trouble?
  }
}
