import HTTP
package import Rewards
import Yams

/// One entry of `reward.train`: which reward, and how much it weighs.
///
///     judge                                        the task's judge, with weight 1
///     scripts/examples/redness.py                  a program; http://… is a server
///     {name: red, program: ./redness.py, weight: 0.5, timeout: 10, retries: 2, concurrency: 2,
///      input: picture, side: 64, deterministic: true}
package struct RewardSetting: Hashable, Sendable {
  package var source: RewardSource
  package var weight = 1.0

  package init(_ source: RewardSource, weight: Double = 1) {
    self.source = source
    self.weight = weight
  }

  /// The entry as YAML that ``init(_:path:place:)`` reads back: what is not as always.
  var yaml: String { flow(numbersOnly: false) }

  /// What of it decides numbers: where a program lies and how long it is waited for does not.
  var numericalYAML: String { flow(numbersOnly: true) }

  private func flow(numbersOnly: Bool) -> String {
    let usual = RewardSource(source.text)
    let scalar = RunConfiguration.scalar
    if !numbersOnly && source == usual && weight == 1 { return scalar(source.text) }
    if numbersOnly && self == RewardSetting(.judge) { return scalar(source.text) }
    var fields = ["name: \(scalar(source.name))"]
    switch source.place {
    case .judge: break
    case .program(let command):
      if !numbersOnly { fields.append("program: \(scalar(command))") }
    case .server(let address):
      if !numbersOnly { fields.append("url: \(scalar(address))") }
    }
    if !numbersOnly { fields += whereabouts }
    if weight != 1 { fields.append("weight: \(weight)") }
    if source.input != usual.input {
      switch source.input {
      case .latent: fields.append("input: latent")
      case .picture(let side): fields.append("side: \(side)")
      }
    }
    if numbersOnly { return "{\(fields.joined(separator: ", "))}" }
    if source.isDeterministic != usual.isDeterministic {
      fields.append("deterministic: \(source.isDeterministic)")
    }
    if source.timeout != usual.timeout { fields.append("timeout: \(source.timeout)") }
    if source.retries != usual.retries { fields.append("retries: \(source.retries)") }
    if source.concurrency != usual.concurrency {
      fields.append("concurrency: \(source.concurrency)")
    }
    return "{\(fields.joined(separator: ", "))}"
  }

  /// Where a program runs, and where a server's token is found.
  private var whereabouts: [String] {
    let scalar = RunConfiguration.scalar
    var fields: [String] = []
    if let folder = source.folder { fields.append("folder: \(scalar(folder))") }
    guard let token = source.token else { return fields }
    switch token.place {
    case .variable(let name): fields.append("token_env: \(scalar(name))")
    case .file(let path): fields.append("token_file: \(scalar(path))")
    }
    if let parameter = token.parameter { fields.append("token_query: \(scalar(parameter))") }
    return fields
  }
}

extension RewardSetting {
  /// Reads one entry.
  ///
  /// - Parameters:
  ///   - path: its key in errors, such as `reward.train[0]`.
  ///   - place: where a node stands, in errors.
  init(_ node: Node, path: String, place: (Node) -> String) throws(ConfigurationError) {
    guard case .mapping(let mapping) = node else {
      guard case .scalar(let scalar) = node, !scalar.string.isEmpty else {
        throw .invalidValue(
          path, value: "a list or nothing", allowed: "a judge, a program, a URL or {name: …}",
          place: place(node))
      }
      self.init(RewardSource(scalar.string))
      source.name = RewardSource.earlierName(ofServerAt: scalar.string) ?? source.name
      try check(path: path, place: place(node))
      return
    }
    var fields: [String: (text: String, node: Node)] = [:]
    for (key, value) in mapping {
      let name = key.string ?? "?"
      guard Self.fields.contains(name) else {
        throw .unknownKey(
          "\(path).\(name)",
          nearest: "\(path).\(Nearness.nearest(to: name, of: Self.fields))",
          place: place(key))
      }
      guard case .scalar(let scalar) = value else {
        throw .invalidValue(
          "\(path).\(name)", value: "a list", allowed: "one value", place: place(value))
      }
      fields[name] = (scalar.string, value)
    }
    func take<Value>(_ name: String, _ allowed: String, _ read: (String) -> Value?)
      throws(ConfigurationError) -> Value?
    {
      guard let field = fields[name] else { return nil }
      guard let value = read(field.text) else {
        throw .invalidValue(
          "\(path).\(name)", value: field.text, allowed: allowed, place: place(field.node))
      }
      return value
    }
    let word = { (text: String) in text.isEmpty ? nil : text }
    let name = try take("name", "a judge of the task, or a name for a reward of your own", word)
    let program = try take("program", "a program, and its arguments after spaces", word)
    let url = try take("url", "an address such as http://127.0.0.1:8000") { text in
      HTTPAddress.isMeant(by: text) ? text : nil
    }
    let place = place(node)
    switch (program, url) {
    case (let program?, nil):
      self.init(RewardSource(name: RewardSource(program).name, place: .program(program)))
    case (nil, let url?):
      self.init(RewardSource(url))
      source.name = RewardSource.earlierName(ofServerAt: url) ?? source.name
    case (nil, nil):
      guard let name, let judge = RewardSource.Judge(rawValue: name) else {
        throw .invalidValue(
          "\(path).name", value: name ?? "missing",
          allowed: "judge or strict; a reward of your own has program: or url: next to its name",
          place: place)
      }
      self.init(RewardSource(name: name, place: .judge(judge)))
      for field in Self.fieldsOfOwn + Self.fieldsOfPlace where fields[field] != nil {
        throw .invalidValue(
          "\(path).\(field)", value: fields[field]?.text ?? "",
          allowed: "nothing: it is for programs and servers", place: place)
      }
    default:
      throw .invalidValue(
        path, value: "a program and a url", allowed: "one of the two", place: place)
    }
    if let name { source.name = name }
    weight =
      try take("weight", "a number from -1000 to 1000") {
        Double($0).flatMap { (-1000...1000).contains($0) ? $0 : nil }
      } ?? weight
    let side = try take("side", "a whole number from 8 to 1024", Self.whole(8...1024))
    if let side { source.input = .picture(side: side) }
    let input = try take("input", "picture or latent") {
      ["picture", "latent"].contains($0) ? $0 : nil
    }
    if input == "latent" { source.input = .latent }
    source.isDeterministic =
      try take("deterministic", "true or false", Bool.init) ?? source.isDeterministic
    source.timeout =
      try take("timeout", "seconds from 0.01 to 3600") {
        Double($0).flatMap { (0.01...3600).contains($0) ? $0 : nil }
      } ?? source.timeout
    source.retries =
      try take("retries", "a whole number from 0 to 100", Self.whole(0...100)) ?? source.retries
    source.concurrency =
      try take("concurrency", "a whole number from 1 to 64", Self.whole(1...64))
      ?? source.concurrency
    source.folder = try take("folder", "of a program: the folder in which it runs") {
      source.isProgram && !$0.isEmpty ? $0 : nil
    }
    source.token = try token(take)
    try check(path: path, place: place)
  }

  /// Where a server's token is found, from up to three fields.
  private func token(
    _ take: (String, String, (String) -> String?) throws(ConfigurationError) -> String?
  ) throws(ConfigurationError) -> RewardToken? {
    let ofServer = { (text: String) in source.isServer && !text.isEmpty ? text : nil }
    let variable = try take(
      "token_env", "of a server: the name of a variable that holds its token",
      { text in text.contains("=") ? nil : ofServer(text) })
    let file = try take(
      "token_file", "of a server: a file that holds its token, and not beside token_env",
      { variable == nil ? ofServer($0) : nil })
    let parameter = try take(
      "token_query", "the query parameter that takes the token of token_env or token_file",
      { variable == nil && file == nil ? nil : ofServer($0) })
    if let variable { return RewardToken(.variable(variable), parameter: parameter) }
    return file.map { RewardToken(.file($0), parameter: parameter) }
  }

  private static let fields = ["name", "program", "url", "weight"] + fieldsOfOwn + fieldsOfPlace
  private static let fieldsOfPlace = ["folder", "token_env", "token_file", "token_query"]
  private static let fieldsOfOwn = [
    "input", "side", "deterministic", "timeout", "retries", "concurrency",
  ]

  private static func whole(_ range: ClosedRange<Int>) -> (String) -> Int? {
    { Int($0).flatMap { range.contains($0) ? $0 : nil } }
  }

  private func check(path: String, place: String) throws(ConfigurationError) {
    if case .judge(.heldOut) = source.place {
      throw .invalidValue(
        path, value: source.name, allowed: "judge or strict: what measures a run must not train it",
        place: place)
    }
    let isJudge = if case .judge = source.place { true } else { false }
    guard RewardSource.isName(source.name),
      isJudge || RewardSource.Judge(rawValue: source.name) == nil
    else {
      throw .invalidValue(
        "\(path).name", value: source.name,
        allowed: "1 to 32 letters, digits, dots, _ and -, and no judge's name", place: place)
    }
  }
}
