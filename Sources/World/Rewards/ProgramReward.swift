import Programs
package import Tasks

/// A program that is started once and then asked again and again, a JSON line for a JSON line.
///
/// With a concurrency of n there are n processes, each with a share of every batch. A process that
/// failed is ended, and the next attempt starts another.
package final class ProgramReward: Reward {
  package let source: RewardSource
  private let task: any Task
  /// Worker i is touched by share i alone; a batch ends before the next one begins.
  private let workers: [LineProgram]

  /// - Parameter command: the program's path, and its arguments after spaces.
  package init(_ command: String, source: RewardSource, task: some Task) {
    self.source = source
    self.task = task
    let program = ProgramCommand(command, in: source.folder)
    workers = (0..<source.concurrency).map { _ in LineProgram(program) }
  }

  package func scores(of exhibits: [Exhibit], waiting: @escaping @Sendable () -> Void)
    throws(RewardFailure) -> [Float]
  {
    try Shares(source: source).scores(of: exhibits) {
      [source, task, workers] (worker, share) throws(Fault) in
      let question = try Question(about: share, input: source.input, task: task)
      let process = workers[worker]
      do throws(Fault) {
        let answer = try process.answer(
          to: question.json, within: source.timeout, waiting: waiting)
        return try question.scores(in: answer)
      } catch {
        let fault = process.explained(error)
        // Whatever it says next would answer a question that is no longer asked.
        process.kill()
        throw fault
      }
    }
  }

  package func close() { LineProgram.close(workers) }
}
