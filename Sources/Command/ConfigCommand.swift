import ArgumentParser
import Configuration

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Every key that --set takes, with its value and meaning.")

  @Argument(
    help: "A preset (\(RunConfiguration.presets.joined(separator: ", "))) or a YAML file.")
  var preset = "shapes"

  func run() throws {
    let configuration = try RunConfiguration(named: preset)
    for setting in configuration.settings {
      Console.line(
        Console.left(setting.path, 22) + Console.left(setting.value, 10) + setting.meaning)
    }
  }
}
