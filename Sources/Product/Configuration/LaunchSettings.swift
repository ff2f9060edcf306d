package import Programs

/// `launch.*`: the actors that `train` starts.
package struct LaunchSettings: Hashable, Sendable {
  /// See ``PlacedVariables``.
  package var environment = ""

  static let keys: [Key] = [
    .later(
      .text(
        "launch.env", \.launch.environment, decidesNumbers: false,
        "Variables of the actors that train starts, and so of their models and rewards; {index} is the number"
          + " of the actor."))
  ]

  func check() throws(ConfigurationError) { _ = try variables() }

  /// Of each actor.
  package func variables() throws(ConfigurationError) -> PlacedVariables {
    try PlacedVariables(environment, key: "launch.env")
  }
}

extension PlacedVariables {
  init(_ text: String, key: String) throws(ConfigurationError) {
    do throws(Refused) {
      try self.init(text)
    } catch {
      throw .impossible("\(key): \(error)")
    }
  }
}
