import CAllocations

/// Memory that decoding may take; its peak must stay below twice that.
struct Budget {
  /// For n bytes: `factor` · n + `base`.
  var factor: Int
  var base: Int

  /// Messages: what ``Arena`` is given for the C message, and as much again for the Swift value.
  static let wire = Budget(factor: 2, base: 65_536)
  /// Own readers of text: words, numbers and lines in place of their bytes.
  static let text = Budget(factor: 16, base: 65_536)
  /// Foundation's JSON and libyaml make an object of every few bytes.
  static let foreign = Budget(factor: 128, base: 1 << 20)
}

/// Decodes, and checks what holds for every decoder: an error is a sentence, and memory stays below
/// twice the budget.
///
/// - Returns: nil where the bytes were refused.
func decode<Value, Failure>(
  _ bytes: [UInt8], within budget: Budget, _ body: ([UInt8]) throws(Failure) -> Value
) throws(BrokenLaw) -> Value? {
  CAllocations_begin()
  let decoded: Result<Value, Failure>
  do throws(Failure) {
    decoded = .success(try body(bytes))
  } catch {
    decoded = .failure(error)
  }
  let peak = CAllocations_peak()
  let allowed = Int64(budget.factor * bytes.count + budget.base)
  try require(
    peak <= 2 * allowed || !CAllocations_areCounted(),
    "\(bytes.count) bytes took \(peak) bytes of memory; the budget is \(allowed), twice it allowed")
  switch decoded {
  case .success(let value): return value
  case .failure(let error):
    let sentence = "\(error)"
    try require(!sentence.isEmpty, "an error says nothing")
    try require(
      sentence.utf8.count <= 2_000, "an error has \(sentence.utf8.count) bytes: \(sentence)")
    return nil
  }
}

/// The same, and what it returns must be there: bytes that our own encoder made.
func decodeOwn<Value, Failure>(
  _ bytes: [UInt8], within budget: Budget, _ body: ([UInt8]) throws(Failure) -> Value
) throws -> Value {
  guard let value = try decode(bytes, within: budget, body) else {
    throw BrokenLaw("what was encoded is refused: \(bytes)")
  }
  return value
}
