import ArgumentParser
import Dialogue
import Foundation

struct ResumeCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "Continue a run, or refuse.",
    discussion: """
      It continues to the last --updates that the run was given. A folder that is not a run is refused.

      Examples:
        tributary resume runs/first
        tributary resume runs/first --updates 200
        tributary resume runs/first --actors 0 --listen tcp://10.0.0.5:5555 --keys keys
      """)

  @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
  var path: String

  @OptionGroup var options: LearnerOptions

  @Option(help: "Local actors; 0 waits for actors started by hand.")
  var actors = ProcessInfo.processInfo.activeProcessorCount

  func validate() throws {
    guard (0...256).contains(actors) else {
      throw ValidationError("--actors \(actors) is not in 0...256")
    }
  }

  var json: Bool { options.json }

  func run() throws {
    let target = RunTarget(path: path, preset: nil, from: nil, way: .resume)
    try LearnerSession(target: target, options: options, actors: actors).run()
  }
}
