package import Bytes
import Glibc
package import Programs

/// The tensors of one question and where its answer is to stand: all behind the header where they are
/// few, else all in the memory file.
package struct MessageTensors {
  private var pieces: [(place: TensorPlace, bytes: UnsafeRawBufferPointer)] = []
  private let medium: TensorPlace.Medium
  private var end = 0
  private var answer: TensorPlace?

  /// - Parameter total: bytes of all of them together, the answer's too.
  package init(total: Int) {
    // Some bytes are lost to alignment.
    medium = total <= ModelQuestion.inlineLimit / 2 ? .inline : .memory
  }

  /// Adds a tensor of the question; its bytes must stay where they are until it is sent.
  package mutating func add(
    _ bytes: UnsafeRawBufferPointer, _ dtype: TensorPlace.Scalar, _ shape: [Int]
  )
    -> TensorPlace
  {
    let place = TensorPlace(dtype: dtype, shape: shape, at: medium, offset: end)
    precondition(place.byteCount == bytes.count, "\(bytes.count) bytes of shape \(shape)")
    pieces.append((place, bytes))
    advance(by: place.byteCount)
    return place
  }

  /// Where the answer's tensor is to stand.
  package mutating func place(_ dtype: TensorPlace.Scalar, _ shape: [Int]) -> TensorPlace {
    // Behind an answer's header there is nothing else.
    let offset = medium == .inline ? 0 : end
    let place = TensorPlace(dtype: dtype, shape: shape, at: medium, offset: offset)
    if medium == .memory {
      advance(by: place.byteCount)
      answer = place
    }
    return place
  }

  private mutating func advance(by count: Int) { end = (end + count + 63) / 64 * 64 }

  /// Puts them where they belong.
  ///
  /// - Returns: what stands behind the header, and the size of the memory file if something is there.
  package func put(in memory: MemoryFile) throws(Fault) -> (inline: [UInt8], memory: Int?) {
    if medium == .inline {
      var bytes = [UInt8](repeating: 0, count: end)
      for (place, source) in pieces {
        bytes.withUnsafeMutableBytes { target in
          target[place.offset..<place.offset + source.count].copyBytes(from: source)
        }
      }
      return (bytes, nil)
    }
    do {
      try memory.grow(to: end)
    } catch {
      throw Fault(.unsuitable, "no memory for \(end) bytes of a question: \(error)")
    }
    for (place, source) in pieces { memory.write(source, at: place.offset) }
    // NaN, so that a number that is not answered is none.
    if let answer { memory.fill(0xff, count: answer.byteCount, at: answer.offset) }
    return ([], memory.size)
  }
}
