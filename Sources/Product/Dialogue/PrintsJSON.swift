package import ArgumentParser

/// A command with `--json`: then its standard output holds JSON alone, and what it says to people goes to
/// standard error.
package protocol PrintsJSON: ParsableCommand {
  var json: Bool { get }
}
