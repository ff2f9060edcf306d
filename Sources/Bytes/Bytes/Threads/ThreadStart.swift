import CSystem
import Glibc

/// Threads are started here and nowhere else: where the system has none left this throws, and nobody
/// waits for good for what will never run.
package enum ThreadStart {
  private final class Work: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  /// Runs `body` on a thread of its own; whoever wants to know of its end has it told.
  ///
  /// - Parameters:
  ///   - name: what debuggers call it, at most 15 bytes.
  ///   - stackBytes: of its stack; nil for as much as the process's main thread may have.
  package static func run(
    _ name: String, stackBytes: Int? = nil, _ body: @escaping @Sendable () -> Void
  ) throws(ThreadRefused) {
    let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
    defer { attributes.deallocate() }
    pthread_attr_init(attributes)
    defer { pthread_attr_destroy(attributes) }
    pthread_attr_setdetachstate(attributes, CInt(PTHREAD_CREATE_DETACHED))
    if let stackBytes { pthread_attr_setstacksize(attributes, stackBytes) }
    let work = Unmanaged.passRetained(Work(name, body))
    var thread: pthread_t = 0
    let code = pthread_create(
      &thread, attributes,
      { pointer in
        guard let pointer else { return nil }
        let work = Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue()
        pthread_setname_np(pthread_self(), work.name)
        work.body()
        return nil
      }, work.toOpaque())
    guard code == 0 else {
      work.release()
      throw ThreadRefused(name: name, code: code)
    }
  }
}

/// The system gives this process no further thread.
package struct ThreadRefused: Error, Equatable, CustomStringConvertible {
  /// What the thread was for.
  package let name: String
  package let code: CInt

  package var description: String {
    "the system refuses a thread (\(name): \(String(cString: strerror(code)))); raise the limit of"
      + " processes and threads (ulimit -u, or TasksMax and the memory of its service) and start again"
  }
}
