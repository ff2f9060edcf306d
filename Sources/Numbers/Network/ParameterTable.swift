package import Tensor

/// The named slices of one flat parameter buffer: all parameters are one allocation, one file, one
/// message and one optimiser loop.
package struct ParameterTable: Hashable, Sendable {
  package struct Entry: Hashable, Sendable {
    package let name: String
    /// `[rows, columns]`; a bias is `[1, columns]`.
    package let rows: Int
    package let columns: Int
    package let offset: Int

    package var count: Int { rows * columns }

    package func view(in buffer: Buffer) -> Matrix {
      buffer.matrix(at: offset, rows: rows, columns: columns)
    }
  }

  package private(set) var entries: [Entry] = []
  private var positions: [String: Int] = [:]

  package init() {}

  @discardableResult
  package mutating func add(_ name: String, rows: Int, columns: Int) -> Entry {
    precondition(positions[name] == nil, "two parameters named \(name)")
    positions[name] = entries.count
    let entry = Entry(name: name, rows: rows, columns: columns, offset: count)
    entries.append(entry)
    return entry
  }

  /// Adds `name.weight` `[inputs, outputs]` and `name.bias` `[1, outputs]`.
  package mutating func addLinear(_ name: String, inputs: Int, outputs: Int) -> Linear {
    Linear(
      weight: add("\(name).weight", rows: inputs, columns: outputs),
      bias: add("\(name).bias", rows: 1, columns: outputs))
  }

  /// The parameters of a linear layer.
  package struct Linear: Hashable, Sendable {
    package let weight: Entry
    package let bias: Entry
  }

  package var count: Int { entries.last.map { $0.offset + $0.count } ?? 0 }

  package subscript(name: String) -> Entry {
    guard let position = positions[name] else { preconditionFailure("no parameter named \(name)") }
    return entries[position]
  }

  package func view(_ name: String, in buffer: Buffer) -> Matrix { self[name].view(in: buffer) }
}
