import Foundation
import Rewards

extension RunConfiguration {
  /// The JSON Schema (draft 2020-12) of a configuration file, for editors that complete and check.
  package static func schema() throws -> String {
    let root = Section()
    for key in keys { root.add(key, at: key.path.split(separator: ".").map(String.init)[...]) }
    var object = root.object
    if var properties = object["properties"] as? [String: Any] {
      properties["preset"] = [
        "enum": presets,
        "description": "What the file starts from; the other keys say what differs.",
      ]
      object["properties"] = properties
    }
    object["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    object["title"] = "A run of Tributary"
    let data = try JSONSerialization.data(
      withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    return String(decoding: data, as: UTF8.self)
  }

  /// One level of the file, while it is put together.
  private final class Section {
    private var keys: [String: Key] = [:]
    private var sections: [String: Section] = [:]

    func add(_ key: Key, at path: ArraySlice<String>) {
      guard let name = path.first else { return }
      if path.count == 1 {
        keys[name] = key
      } else {
        let section = sections[name] ?? Section()
        sections[name] = section
        section.add(key, at: path.dropFirst())
      }
    }

    var object: [String: Any] {
      [
        "type": "object", "additionalProperties": false,
        "properties": keys.mapValues(\.schema).merging(sections.mapValues(\.object)) { key, _ in key
        },
      ]
    }
  }
}

extension Key {
  fileprivate var schema: [String: Any] {
    var object = kind.schema
    object["description"] = meaning
    // The default of a list is a whole object; its documentation says it.
    if case .rewards = kind { return object }
    object["default"] = value(RunConfiguration())
    return object
  }
}

extension Key.Kind {
  fileprivate var schema: [String: Any] {
    switch self {
    case .integer(let range):
      ["type": "integer", "minimum": range.lowerBound, "maximum": range.upperBound]
    case .seed: ["type": "integer", "minimum": 0, "maximum": UInt64.max]
    case .number(let range):
      ["type": "number", "minimum": range.lowerBound, "maximum": range.upperBound]
    case .choice(let choices): ["enum": choices]
    case .text: ["type": "string"]
    case .list: ["type": ["string", "number", "array"]]
    case .flag: ["type": "boolean"]
    case .rewards: ["type": ["string", "object", "array"]]
    }
  }
}
