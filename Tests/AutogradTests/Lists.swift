import Autograd
import Tensor

extension Tape {
  func indices(_ list: [Int]) -> Indices {
    indices(count: list.count) { add in for index in list { add(index) } }
  }

  func segments(
    tokensPerLatent: Int, promptLengths: [Int], latentsOfPrompt: [Int], heads: Int, width: Int
  ) -> Segments {
    Segments(
      tokensPerLatent: tokensPerLatent,
      promptOffsets: offsets(
        from: latentsOfPrompt.reduce(0, +) * tokensPerLatent, count: promptLengths.count
      ) { promptLengths[$0] },
      latentOffsets: offsets(from: 0, count: latentsOfPrompt.count) { latentsOfPrompt[$0] },
      heads: heads, width: width)
  }
}
