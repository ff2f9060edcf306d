import CSystem
import CZeroMQ
import Glibc

/// libzmq's I/O threads, and what its sockets share.
///
/// libzmq makes contexts safe to use from any thread, hence `@unchecked Sendable`. A context ends
/// when it and its last socket are gone; it then waits for the sockets' `linger`.
package final class Context: @unchecked Sendable {
  package let handle: UnsafeMutableRawPointer

  /// - Parameter ioThreads: one for each gigabyte a second; connections are spread over them.
  package init(ioThreads: Int = 1) throws(ZeroMQError) {
    precondition(ioThreads >= 1, "a context needs at least one I/O thread")
    guard let handle = zmq_ctx_new() else { throw ZeroMQError.last("zmq_ctx_new") }
    guard zmq_ctx_set(handle, ZMQ_IO_THREADS, CInt(ioThreads)) == 0 else {
      let error = ZeroMQError.last("setting ZMQ_IO_THREADS to \(ioThreads)")
      zmq_ctx_term(handle)
      throw error
    }
    self.handle = handle
    try startThreads()
  }

  /// libzmq starts its threads with the first socket, and aborts the process where it gets none or no
  /// descriptors for them. So that happens here, and whoever started the process reads a sentence.
  private func startThreads() throws(ZeroMQError) {
    var before = sigaction()
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in
      let sentence: StaticString =
        "tributary: libzmq gets no thread or no descriptors for one; raise the limits of threads (ulimit -u) and open files (ulimit -n) and start again\n"
      _ = write(2, sentence.utf8Start, sentence.utf8CodeUnitCount)
      _exit(75)
    }
    sigaction(SIGABRT, &action, &before)
    defer { sigaction(SIGABRT, &before, nil) }
    guard let socket = zmq_socket(handle, ZMQ_PAIR) else { throw .last("zmq_socket") }
    zmq_close(socket)
  }

  /// Gives memory that nobody uses back to the system: after a flood of connections the allocator
  /// would keep what they took for good.
  package static func returnMemory() { malloc_trim(0) }

  deinit {
    while zmq_ctx_term(handle) != 0, zmq_errno() == EINTR {}
  }
}
