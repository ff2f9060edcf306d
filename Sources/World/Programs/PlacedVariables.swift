/// Variables of the environment of processes that are numbered from 0 on, such as those that place each on
/// a device:
///
///     CUDA_VISIBLE_DEVICES={index%4} OMP_NUM_THREADS=1
///
/// `{index}` is the number of the process; `{index+N}`, `{index/N}` and `{index%N}` are computed of it.
package struct PlacedVariables: Hashable, Sendable {
  private enum Piece: Hashable, Sendable {
    case text(String)
    case index(Operation, Int)
  }

  private enum Operation: Character, Sendable {
    case plus = "+"
    case over = "/"
    case modulo = "%"
  }

  private struct Variable: Hashable, Sendable {
    var name: String
    var value: [Piece]
  }

  private var variables: [Variable] = []

  /// - Parameter text: `NAME=VALUE`, several after spaces; nothing is no variable.
  /// - Throws: one clause.
  package init(_ text: String) throws(Refused) {
    for word in text.split(separator: " ") {
      guard let equals = word.firstIndex(of: "="), equals > word.startIndex else {
        throw Refused("\(word) is not NAME=VALUE")
      }
      let name = String(word[..<equals])
      guard name.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) != nil else {
        throw Refused("\(name) is no name of a variable: letters, digits and _")
      }
      guard !variables.contains(where: { $0.name == name }) else {
        throw Refused("\(name) is there twice")
      }
      variables.append(
        Variable(name: name, value: try Self.pieces(of: word[word.index(after: equals)...])))
    }
  }

  /// The variables of process `index`.
  package func values(at index: Int) -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: variables.map { variable in
        (variable.name, variable.value.map { Self.text(of: $0, at: index) }.joined())
      })
  }

  private static func text(of piece: Piece, at index: Int) -> String {
    switch piece {
    case .text(let text): text
    case .index(.plus, let number): "\(index + number)"
    case .index(.over, let number): "\(index / number)"
    case .index(.modulo, let number): "\(index % number)"
    }
  }

  private static func pieces(of value: Substring) throws(Refused) -> [Piece] {
    var pieces: [Piece] = []
    var rest = value
    while let open = rest.firstIndex(of: "{") {
      pieces.append(.text(String(rest[..<open])))
      guard let close = rest[open...].firstIndex(of: "}"),
        let piece = piece(rest[rest.index(after: open)..<close])
      else {
        throw Refused(
          "\(value) has a brace that is none of {index}, {index+N}, {index/N} and {index%N} with N from 1 to 65536"
        )
      }
      pieces.append(piece)
      rest = rest[rest.index(after: close)...]
    }
    return pieces + [.text(String(rest))]
  }

  private static func piece(_ text: Substring) -> Piece? {
    guard text.hasPrefix("index") else { return nil }
    let rest = text.dropFirst("index".count)
    guard let sign = rest.first else { return .index(.plus, 0) }
    guard let operation = Operation(rawValue: sign), let number = Int(rest.dropFirst()),
      1...65_536 ~= number
    else { return nil }
    return .index(operation, number)
  }

  /// Text that says no variables; one clause.
  package struct Refused: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
  }
}
