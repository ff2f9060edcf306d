import Glibc
import Synchronization

/// What the service manager that started this process hears of it: datagrams of `KEY=VALUE` lines to the socket that
/// `NOTIFY_SOCKET` names. Source: sd_notify(3).
///
/// It never waits, and says nothing where nobody listens.
package final class ServiceNotice: Sendable {
  private let address: sockaddr_un
  private let length: socklen_t
  private let socket: PipeEnd
  /// Seconds between two signs of life, half of what the manager waits for; nil where it does not.
  package let interval: Double?
  private let last = Mutex<Double>(-.infinity)

  /// - Parameters:
  ///   - variables: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` are read.
  ///   - process: whose signs of life are waited for.
  /// - Returns: nil where no manager listens.
  package init?(variables: [String: String], process: Int32 = getpid()) {
    guard let path = variables["NOTIFY_SOCKET"], path.first == "/" || path.first == "@" else {
      return nil
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    // A name that begins with @ is no file: its first byte is 0, and its end is the length's.
    let name = (path.first == "@" ? [0] : []) + Array(path.utf8.drop { $0 == UInt8(ascii: "@") })
    guard name.count < room else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    let descriptor = Glibc.socket(
      AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    self.address = address
    length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
    socket = PipeEnd(descriptor)
    let isWatched = variables["WATCHDOG_PID"].map { $0 == "\(process)" } ?? true
    interval =
      isWatched ? variables["WATCHDOG_USEC"].flatMap { Double($0) }.map { $0 * 1e-6 / 2 } : nil
  }

  /// That of this process; the programs that it starts do not speak for it.
  ///
  /// To be asked before there are other threads, which may read the environment.
  package static func ofThisProcess() -> ServiceNotice? {
    var variables: [String: String] = [:]
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
      variables[name] = getenv(name).map { String(cString: $0) }
      unsetenv(name)
    }
    return ServiceNotice(variables: variables)
  }

  /// It does what it is for from now on.
  package func ready(_ status: String) { send("READY=1\nSTATUS=\(Self.line(status))") }

  /// What it is doing, in one line.
  package func status(_ status: String) { send("STATUS=\(Self.line(status))") }

  /// It ends.
  package func stopping() { send("STOPPING=1") }

  /// A sign of life, as often as the manager waits for one; may be called at any rate.
  ///
  /// - Parameter now: seconds of any clock that never goes back.
  package func isAlive(now: Double) {
    guard let interval else { return }
    let isDue = last.withLock { last in
      guard now - last >= interval else { return false }
      last = now
      return true
    }
    if isDue { send("WATCHDOG=1") }
  }

  /// ``isAlive(now:)`` by the clock of this machine.
  package var sign: @Sendable () -> Void {
    let start = ContinuousClock.now
    return { [self] in isAlive(now: start.duration(to: .now) / .seconds(1)) }
  }

  private static func line(_ text: String) -> String {
    String(text.map { $0.isNewline ? " " : $0 })
  }

  private func send(_ text: String) {
    var address = address
    let bytes = Array(text.utf8)
    _ = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(
          socket.descriptor, bytes, bytes.count,
          CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL),
          $0, length)
      }
    }
  }
}
