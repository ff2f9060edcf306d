import CProcess
import Glibc

/// A connected stream socket: one end is this process's, the other a program's.
package struct SocketPair {
  /// Never blocks.
  package let own: PipeEnd
  package let other: PipeEnd

  package init() throws(FileError) {
    var ends: [CInt] = [-1, -1]
    let code = CProcess_socketPair(&ends)
    guard code == 0 else { throw FileError(operation: "make", path: "a socket", code: code) }
    (own, other) = (PipeEnd(ends[0]), PipeEnd(ends[1]))
    _ = fcntl(own.descriptor, F_SETFL, O_NONBLOCK)
  }
}
