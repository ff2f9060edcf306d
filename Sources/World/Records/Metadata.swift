import Foundation

/// A JSON object that is passed on as it is.
package struct Metadata: Encodable, Sendable {
  private let value: Value

  /// nil for an empty text, or one that is no JSON object.
  package init?(json: String) {
    guard !json.isEmpty, let checked = ForeignJSON.checked(json.utf8),
      let value = try? JSONDecoder().decode(Value.self, from: Data(checked)),
      case .object = value
    else { return nil }
    self.value = value
  }

  package func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }

  private enum Value: Codable, Sendable {
    case null
    case flag(Bool)
    case whole(Int)
    case number(Double)
    case text(String)
    case list([Value])
    case object([String: Value])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        self = .null
      } else if let flag = try? container.decode(Bool.self) {
        self = .flag(flag)
      } else if let whole = try? container.decode(Int.self) {
        self = .whole(whole)
      } else if let number = try? container.decode(Double.self) {
        self = .number(number)
      } else if let text = try? container.decode(String.self) {
        self = .text(text)
      } else if let list = try? container.decode([Value].self) {
        self = .list(list)
      } else {
        self = .object(try container.decode([String: Value].self))
      }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .null: try container.encodeNil()
      case .flag(let value): try container.encode(value)
      case .whole(let value): try container.encode(value)
      case .number(let value): try container.encode(value)
      case .text(let value): try container.encode(value)
      case .list(let value): try container.encode(value)
      case .object(let value): try container.encode(value)
      }
    }
  }
}
