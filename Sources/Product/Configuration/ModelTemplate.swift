package import Foundation

/// A model of one's own to begin with, and all that a run of it needs: what `tributary model new` writes.
package enum ModelTemplate {
  /// The files by name, in the order of their names.
  package static func files() throws -> [(name: String, content: Data)] {
    guard let resources = RunConfiguration.resources else {
      throw ConfigurationError.missingResources("Configuration")
    }
    let folder = URL(fileURLWithPath: "\(resources)/Template")
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map { name in
      (name, try Data(contentsOf: folder.appendingPathComponent(name)))
    }
  }
}
