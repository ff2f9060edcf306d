import Foundation
import Glibc
import Synchronization

/// What a command says: whole lines at once, so that a pipe sees them as they come.
enum Console {
  /// Why standard output took no more, the first time. The work goes on without being told.
  private static let failure = Mutex<String?>(nil)
  private static let reader = Mutex<(isGone: Bool, perform: (@Sendable () -> Void)?)>((false, nil))

  static func line(_ text: String) { write(legible(text)) }

  /// The one sentence of a command that ends other than well.
  static func error(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data((legible(text) + "\n").utf8))
  }

  /// The last line of a command with `--json`.
  static func json(_ object: [String: Any]) throws {
    let data = try JSONSerialization.data(
      withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    write(String(decoding: data, as: UTF8.self))
  }

  static func number(_ value: Double, digits: Int = 3) -> String {
    value.isFinite ? String(format: "%.\(digits)f", value) : "–"
  }

  /// The text at the left end of `width` columns; longer text stays whole.
  static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// The text at the right end of `width` columns; longer text stays whole.
  static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  /// "1 unit", "2 units".
  static func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }

  /// Why something that was said is lost, if so.
  static var lost: String? { failure.withLock { $0 } }

  /// Whether the reader of standard output has closed its end of the pipe.
  static var hasLostReader: Bool { reader.withLock { $0.isGone } }

  /// Calls `perform` once when nobody reads standard output any more, at once if that is so already.
  static func onLostReader(_ perform: @escaping @Sendable () -> Void) {
    let isGone = reader.withLock { reader in
      reader.perform = perform
      return reader.isGone
    }
    if isGone { perform() }
  }

  /// A closed pipe is an error of the write and not the end of the process, which may have work to
  /// save.
  static func ignoreClosedPipes() { _ = signal(SIGPIPE, SIG_IGN) }

  /// Opens what is closed of the three standard streams: the next file, such as the journal, would
  /// get its number, and whatever is printed would go there.
  static func openStandardStreams() {
    for number: CInt in 0...2 where fcntl(number, F_GETFD) == -1 {
      _ = unsafe open("/dev/null", O_RDWR)
    }
  }

  private static func write(_ text: String) {
    var rest = Array((text + "\n").utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(1, $0.baseAddress, $0.count) }
      let code = errno
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if code == EPIPE {
        return loseReader()
      } else if code != EINTR {
        return failure.withLock { $0 = unsafe $0 ?? String(cString: strerror(code)) }
      }
    }
  }

  private static func loseReader() {
    let perform = reader.withLock { reader in
      defer { reader = (true, nil) }
      return reader.perform
    }
    perform?()
  }

  /// Names, prompts and paths come from others; what in them would steer a terminal is spelled out.
  private static func legible(_ text: String) -> String {
    text.unicodeScalars.map { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        "\\u{\(String(scalar.value, radix: 16))}"
      default: "\(scalar)"
      }
    }.joined()
  }
}

/// A number that JSON can hold: null where it is not finite.
func jsonNumber(_ value: Double) -> Any { value.isFinite ? value : NSNull() }
