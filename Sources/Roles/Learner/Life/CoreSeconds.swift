import Bytes

/// Core-seconds that training takes, of the learner and all actors together.
struct CoreSeconds {
  private var ofProcess = ProcessorTime.ofProcess
  private var ofActors = 0.0

  /// Those since the last call, or since the beginning.
  mutating func sinceLast(_ split: Exchange.Split) -> Double {
    let (process, actors) = (ProcessorTime.ofProcess, split.sample + split.judge)
    defer { (ofProcess, ofActors) = (process, actors) }
    return process - ofProcess + actors - ofActors
  }

  /// So many seconds of this process do not count.
  mutating func leaveOut(_ seconds: Double) { ofProcess += seconds }

  /// Does something on this thread that does not count.
  mutating func leavingOut<Result>(_ body: () throws -> Result) rethrows -> Result {
    let began = ProcessorTime.ofThread
    defer { leaveOut(ProcessorTime.ofThread - began) }
    return try body()
  }
}
