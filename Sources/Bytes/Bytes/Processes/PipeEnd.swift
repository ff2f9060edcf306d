import CProcess
import Glibc

/// This process's end of a pipe to or from a child; closed when its owner is gone.
package final class PipeEnd: Sendable {
  /// For `poll` and the like; −1 where a child has no pipe in this place.
  package let descriptor: CInt

  init(_ descriptor: CInt) { self.descriptor = descriptor }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Both ends of a new pipe.
  static func pair() throws(StartFailure.Code) -> (reading: PipeEnd, writing: PipeEnd) {
    var ends: [CInt] = [-1, -1]
    let code = CProcess_pipe(&ends)
    guard code == 0 else { throw StartFailure.Code(number: code) }
    return (PipeEnd(ends[0]), PipeEnd(ends[1]))
  }

  /// Waits for bytes; none at the end, when nobody holds the other end any more.
  package func read(upTo count: Int = 1 << 14) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      var got = Glibc.read(descriptor, buffer.baseAddress, count)
      while got < 0, errno == EINTR { got = Glibc.read(descriptor, buffer.baseAddress, count) }
      filled = max(0, got)
    }
  }

  /// All bytes up to the end.
  package func readToEnd() -> [UInt8] {
    var all: [UInt8] = []
    while true {
      let next = read()
      if next.isEmpty { return all }
      all += next
    }
  }

  /// Writes all of them.
  ///
  /// - Returns: false where nobody reads any more; the signal SIGPIPE must be ignored.
  package func write(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let count = Glibc.write(
          descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { return false }
        rest = rest.dropFirst(count)
      }
      return true
    }
  }
}
