import CZeroMQ

/// libzmq's I/O threads, and what its sockets share.
///
/// libzmq makes contexts safe to use from any thread, hence `@unchecked Sendable`. A context ends
/// when it and its last socket are gone; it then waits for the sockets' `linger`.
package final class Context: @unchecked Sendable {
  let handle: UnsafeMutableRawPointer

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
  }

  /// Gives memory that nobody uses back to the system: after a flood of connections the allocator
  /// would keep what they took for good.
  package static func returnMemory() { malloc_trim(0) }

  deinit {
    while zmq_ctx_term(handle) != 0, zmq_errno() == EINTR {}
  }
}
