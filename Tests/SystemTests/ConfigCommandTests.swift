import Foundation
import TestSupport
import Testing

/// `tributary config` and the lists, as a user calls them.
struct ConfigCommandTests {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  private func run(_ arguments: String...) throws -> Tributary.Outcome {
    try Tributary.run(arguments, in: folder)
  }

  @Test(arguments: [
    ("Configuration", ["config", "show", "--markdown"]), ("Metrics", ["metrics", "--markdown"]),
  ])
  func `the generated pages are what the commands print`(page: String, command: [String]) throws {
    let path = "Documentation/\(page).md"
    let committed = try String(contentsOfFile: path, encoding: .utf8)
    let printed = try Tributary.run(command, in: folder).output
    #expect(printed == committed, "\(path) is stale; run scripts/generators/pages")
  }

  @Test func `show marks what differs from the defaults`() throws {
    let shown = try run("config", "show", "shapes", "--set", "loss.kl.beta=0.25", "--changed")
    #expect(shown.output.split(separator: "\n").count == 1)
    #expect(shown.output.hasPrefix("*loss.kl.beta"))
    let json = try run("config", "show", "--json").json
    #expect(json["group.branches"] as? String == "8")
    let yaml = try run("config", "show", "density", "--yaml").output
    try folder.write(Data(yaml.utf8), to: "again.yaml")
    #expect(try run("config", "show", folder.file("again.yaml"), "--yaml").output == yaml)
  }

  /// The errors of a configuration: what, where, the value, what is allowed, the next step.
  @Test(arguments: [
    (
      "loss:\n  kl:\n    bata: 1\n", [],
      ["unknown key loss.kl.bata", "a.yaml:3", "did you mean loss.kl.beta?"]
    ),
    ("model: {width: 72}\n", [], ["model.width 72", "multiple of 16", "such as width 64"]),
    ("seed: x\n", [], ["seed is x", "a.yaml:1", "a whole number from 0"]),
    ("{", [], ["a.yaml is not YAML"]),
    ("", ["sample.noise_level=0"], ["sample.noise_level is 0", "no log-density", "such as 0.7"]),
    ("", ["sample.dynamics=ode"], ["sample.dynamics is ode", "no gradient", "flow-sde"]),
    ("", ["loss.log_density=mean"], ["loss.clip 0.2", "never binds", "use loss.clip 0.0040"]),
    ("", ["loss.clip=50"], ["loss.clip 50.0 never binds", "at most 5.0"]),
    ("", ["optim.minibatches=5"], ["optim.minibatches 5", "24 units", "group.prompts"]),
    ("", ["group.branches=1"], ["group.branches 1", "always 0", "at least 2"]),
    ("", ["group.branch_steps=0..12"], ["group.branch_steps is 0..12", "within 0..9"]),
    ("", ["task.train_prompts=nowhere.txt"], ["task.train_prompts", "nowhere.txt"]),
    ("", ["reward.train=./no-such-program"], ["no-such-program"]),
    ("", ["model.init=nope.safetensors"], ["nope.safetensors"]),
  ])
  func `check names what is wrong and what to do`(
    yaml: String, changes: [String], words: [String]
  ) throws {
    try folder.write(Data(yaml.utf8), to: "a.yaml")
    let outcome = try Tributary.run(
      ["config", "check", folder.file("a.yaml")] + changes.flatMap { ["--set", $0] }, in: folder)
    #expect(outcome.status == 64)
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
  }

  @Test func `check is content with what can run`() throws {
    let outcome = try run("config", "check", "density")
    #expect(outcome.status == 0 && outcome.output.hasPrefix("ok "))
  }

  @Test func `explain counts what a run does, and a dry run says the same and writes nothing`()
    throws
  {
    let json = try run("config", "explain", "shapes", "--json", "--actors", "3").json
    #expect(json["pictures_per_update"] as? Int == 1536)
    // 24 units of 360: a trunk of 8 steps, and 8 branches of 9, 8, … 2 further ones.
    #expect(json["network_evaluations_per_update"] as? Int == 8640)
    #expect(json["learner_states_per_update"] as? Int == 192)
    #expect(json["actors"] as? Int == 3)
    for key in ["seconds_per_update", "peak_rss_mib", "actor_seconds_per_unit"] {
      #expect((json[key] as? Double ?? 0) > 0, "\(key)")
    }
    let dry = try run("train", "shapes", "--dry-run", "--run", folder.file("dry"))
    #expect(dry.status == 0 && dry.output.contains("8640 network evaluations"))
    #expect(!FileManager.default.fileExists(atPath: folder.file("dry")))
  }

  @Test func `a plan says how much room there is, and whether that is enough`() throws {
    let plan = try run("config", "explain", "density", "--json")
    #expect(plan.errors.contains(" are free · memory"), "\(plan.errors)")
    #expect((plan.json["free_bytes"] as? Int ?? 0) > 0)
    let one = plan.json["disk_bytes"] as? Int ?? 0
    #expect(one > 60 * (plan.json["journal_bytes_per_update"] as? Int ?? 0))
    #expect(!plan.errors.contains("the run will need"))
    let endless = try run("config", "explain", "shapes", "--set", "updates=100000000")
    #expect(endless.output.contains("! the run will need"), "\(endless.output)")
    let bounded = try run(
      "config", "explain", "shapes", "--set", "updates=100000000", "--set", "journal.keep=10")
    #expect(!bounded.output.contains("the run will need"), "\(bounded.output)")
  }

  @Test func `the schema knows every key and its default`() throws {
    let schema = try #require(
      JSONSerialization.jsonObject(with: Data(try run("config", "schema").output.utf8))
        as? [String: Any])
    let settings = try run("config", "show", "--json").json
    for (path, value) in settings {
      var node = schema
      for name in path.split(separator: ".") {
        let properties = try #require(node["properties"] as? [String: Any], "\(path)")
        node = try #require(properties[String(name)] as? [String: Any], "\(path)")
      }
      #expect(node["description"] != nil, "\(path)")
      if path != "reward.train" {
        let standard = try #require(node["default"], "\(path)")
        if let number = standard as? NSNumber, let text = value as? String, Double(text) != nil {
          #expect(number.doubleValue == Double(text), "\(path)")
        }
      }
    }
  }

  @Test(arguments: ["presets", "tasks", "rewards", "metrics"])
  func `lists are read by people and by programs`(command: String) throws {
    let text = try Tributary.run([command], in: folder)
    let json = try Tributary.run([command, "--json"], in: folder).json
    #expect(text.output.split(separator: "\n").count == json.count)
    for name in json.keys { #expect(text.output.contains(name)) }
  }
}
