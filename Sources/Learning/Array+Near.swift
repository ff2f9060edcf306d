extension [Float] {
  /// Whether numbers that were made again are these: to the bit, or each as near as a share of the largest.
  func isNear(_ others: some Collection<Float>, within tolerance: Float) -> Bool {
    if tolerance == 0 { return elementsEqual(others) }
    guard count == others.count else { return false }
    let largest = reduce(0) { Swift.max($0, abs($1)) }
    return zip(self, others).allSatisfy { abs($0 - $1) <= tolerance * largest }
  }
}
