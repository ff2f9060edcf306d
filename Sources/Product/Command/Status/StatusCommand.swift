import ArgumentParser
import Dialogue
import Dispatch
import Foundation
import Roles

struct StatusCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "How a run stands: learner, actors, rates, disk, and what went wrong last.",
    discussion: """
      It asks the run's learner on this machine. Where none works, it says what the folder knows.

      Examples:
        tributary status runs/first
        tributary status runs/first --watch
        tributary status runs/first --json
      """)

  @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
  var path: String

  @Flag(help: "Look again every second, until the run ends or you press Ctrl-C.")
  var watch = false

  @Flag(help: "Print everything as one JSON object; with --watch one a line.")
  var json = false

  func run() throws {
    let run = try WatchedRun(path)
    guard watch else { return try show(run.look()) }
    let isOver = DispatchSemaphore(value: 0)
    let interrupts = Interrupts { isOver.signal() }
    defer { interrupts.cancel() }
    Console.onLostReader { isOver.signal() }
    var isFirst = true
    while true {
      let status = try run.look()
      if !json, Console.hasLiveLine {
        Console.clear()
      } else if !json, !isFirst {
        Console.line("")
      }
      try show(status, rows: Console.hasLiveLine ? Console.height - 1 : nil)
      isFirst = false
      // A learner that is being started, or is busy for a moment, may answer the next time.
      if status.state == .finished || status.state == .stopped { return }
      if isOver.wait(timeout: .now() + 1) == .success { return }
    }
  }

  /// - Parameter rows: how many lines there is room for; nil for as many as it takes.
  private func show(_ status: RunStatus, rows: Int? = nil) throws {
    if json { return Console.data(try status.encoded() + [UInt8(ascii: "\n")]) }
    for line in StatusLines(status).lines(atMost: rows) {
      // A line that is broken in two would push the first ones out of sight.
      Console.line(rows == nil ? line.text : String(line.text.prefix(Console.width)), line.style)
    }
  }
}
