import Tensor
import Testing

struct FiniteTests {
  @Test(arguments: [0, 1, 7, 8, 33, 100])
  func `one NaN or infinity among numbers is found wherever it stands`(count: Int) {
    let finite: [Float] = [0, -0, 1, .greatestFiniteMagnitude, .leastNonzeroMagnitude, -3e38]
    let values = (0..<count).map { finite[$0 % finite.count] }
    #expect(values.withUnsafeBufferPointer(\.areFinite))
    for bad in [Float.nan, .signalingNaN, .infinity, -.infinity] {
      for place in 0..<count {
        var values = values
        values[place] = bad
        #expect(!values.withUnsafeBufferPointer(\.areFinite))
      }
    }
  }
}
