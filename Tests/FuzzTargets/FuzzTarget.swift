/// One reader of bytes from a peer or a file, and the law that it keeps whatever the bytes are.
package struct FuzzTarget: Sendable {
  package let name: String
  /// The longest input that is tried.
  package let byteLimit: Int
  private let law: @Sendable ([UInt8]) throws -> Void

  init(_ name: String, byteLimit: Int, law: @escaping @Sendable ([UInt8]) throws -> Void) {
    self.name = name
    self.byteLimit = byteLimit
    self.law = law
  }

  /// - Throws: ``BrokenLaw`` or what else went wrong.
  package func check(_ bytes: [UInt8]) throws { try law(bytes) }

  package static let all: [FuzzTarget] = [
    .envelope, .authentication, .trajectory, .packedChunk, .record, .journal, .audit, .safeTensors,
    .configuration,
    .keyFile, .allowedKeys, .shapePrompts, .densityPrompts, .openPrompts, .answer,
    .modelAnswer, .modelContract, .adapter, .runFiles, .checkpoint,
    .metrics, .status, .question, .page,
  ]

  package static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// What bytes have shown to be untrue.
package struct BrokenLaw: Error, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}

func require(_ holds: Bool, _ law: @autoclosure () -> String) throws(BrokenLaw) {
  if !holds { throw BrokenLaw(law()) }
}
