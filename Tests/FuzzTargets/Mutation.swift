/// A fuzzer without coverage, for tests: the same seed tries the same inputs.
package struct Mutation {
  private let inputs: [[UInt8]]
  private let byteLimit: Int

  package init(of inputs: [[UInt8]], byteLimit: Int) {
    precondition(!inputs.isEmpty, "there is nothing to begin with")
    self.inputs = inputs
    self.byteLimit = byteLimit
  }

  /// One of the inputs, changed one to four times.
  package func next(using random: inout some RandomNumberGenerator) -> [UInt8] {
    var bytes = inputs.randomElement(using: &random) ?? []
    for _ in 0..<Int.random(in: 1...4, using: &random) { change(&bytes, &random) }
    return Array(bytes.prefix(byteLimit))
  }

  private func change(_ bytes: inout [UInt8], _ random: inout some RandomNumberGenerator) {
    let place = Int.random(in: 0...bytes.count, using: &random)
    let end = min(bytes.count, place + Int.random(in: 0...16, using: &random))
    switch Int.random(in: 0..<7, using: &random) {
    case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1 where place < bytes.count: bytes[place] = .random(in: .min ... .max, using: &random)
    case 2: bytes.removeSubrange(place..<end)
    case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
    case 4:
      let count = Int.random(in: 1...8, using: &random)
      bytes.insert(
        contentsOf: (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) },
        at: place)
    case 5:
      // The first part of one and the last of another.
      let other = inputs.randomElement(using: &random) ?? []
      bytes = bytes[..<place] + other.suffix(Int.random(in: 0...other.count, using: &random))
    default: bytes.removeSubrange(place...)
    }
  }
}
