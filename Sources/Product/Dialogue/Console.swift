import Foundation
import Glibc
import Synchronization

/// What a command says: whole lines at once, so that a pipe sees them as they come.
package enum Console {
  /// Why standard output took no more, the first time. The work goes on without being told.
  private static let failure = Mutex<String?>(nil)
  private static let reader = Mutex<(isGone: Bool, perform: (@Sendable () -> Void)?)>((false, nil))

  /// How a line looks on a terminal with colours.
  package enum Style: String {
    case plain = ""
    case strong = "1"
    case quiet = "2"
    case warning = "33"
    case good = "32"
  }

  private static let log = Mutex<FileHandle?>(nil)
  private static let terminalIsLost = Mutex(false)
  /// Where lines for people go.
  private static let speech = Mutex(STDOUT_FILENO)
  /// The line without an end that stands at the bottom of a terminal.
  private static let liveLine = Mutex("")

  /// Keeps standard output for data, such as JSON: lines for people go to standard error from now on.
  package static func keepOutputForData() { speech.withLock { $0 = STDERR_FILENO } }

  package static func line(_ text: String, _ style: Style = .plain) {
    let text = legible(text)
    log.withLock { log in
      if let log { try? log.write(contentsOf: Data("\(timestamp())  \(text)\n".utf8)) }
    }
    let looks = hasColours && style != .plain ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
    liveLine.withLock { live in
      say((live.isEmpty ? looks : "\r\u{1b}[2K" + looks) + "\n")
      if !live.isEmpty { say(live) }
    }
  }

  /// A line for the log alone: the terminal hears of it elsewhere.
  package static func logAlone(_ text: String) {
    let text = legible(text)
    log.withLock { log in
      if let log { try? log.write(contentsOf: Data("\(timestamp())  ! \(text)\n".utf8)) }
    }
  }

  /// The terminal has closed: what cannot be said there is no failure.
  package static func loseTerminal() { terminalIsLost.withLock { $0 = true } }

  /// A text of several lines, as it is.
  package static func lines(_ text: String) { put(text.hasSuffix("\n") ? text : text + "\n") }

  /// Empties a terminal that has lines; nothing elsewhere.
  package static func clear() { if hasLiveLine { say("\u{1b}[H\u{1b}[2J") } }

  /// Replaces the line at the bottom of a terminal; nothing elsewhere. An empty text takes it away.
  package static func live(_ text: String) {
    guard isTerminal, !isDumb else { return }
    let text = String(legible(text).prefix(max(0, width - 1)))
    liveLine.withLock { live in
      if live != text { say("\r\u{1b}[2K" + text) }
      live = text
    }
  }

  /// Whether a line at the bottom of a terminal can be replaced.
  package static var hasLiveLine: Bool { isTerminal && !isDumb }

  /// From now on every line also goes to the end of this file, with its time.
  package static func keepLog(at path: String) {
    if !FileManager.default.fileExists(atPath: path) {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    guard let handle = try? FileHandle(forWritingTo: URL(fileURLWithPath: path)) else { return }
    _ = try? handle.seekToEnd()
    log.withLock { $0 = handle }
  }

  /// Whether a person looks on.
  package static var isTerminal: Bool { isatty(speech.withLock { $0 }) == 1 }

  /// Seconds between two words about one wait: a person looks on, or a file fills up.
  package static var noticeInterval: Double { isTerminal ? 10 : 60 }

  private static let isDumb = ProcessInfo.processInfo.environment["TERM"] == "dumb"

  private static let isPlain = ProcessInfo.processInfo.environment["NO_COLOR"] != nil || isDumb

  private static var hasColours: Bool { isTerminal && !isPlain }

  /// Columns of the terminal; what is piped is as wide as it needs to be.
  package static var width: Int { size?.columns ?? .max }

  /// Lines of the terminal; what is piped is as long as it needs to be.
  package static var height: Int { size?.rows ?? .max }

  /// nil where there is no terminal.
  private static var size: (columns: Int, rows: Int)? {
    guard isTerminal else { return nil }
    var size = winsize()
    let descriptor = speech.withLock { $0 }
    guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return (80, 24)
    }
    return (Int(size.ws_col), size.ws_row > 0 ? Int(size.ws_row) : 24)
  }

  private static func timestamp() -> String { Date().formatted(.iso8601) }

  /// The one sentence of a command that ends other than well.
  package static func error(_ text: String) {
    // What a program wrote last stands below the sentence, a line each, indented by two.
    let lines = text.components(separatedBy: "\n  ").map(legible)
    let shown = lines.joined(separator: "\n  ") + "\n"
    try? FileHandle.standardError.write(contentsOf: Data(shown.utf8))
  }

  /// Of a command with `--json`: on standard output, where nothing else is then.
  package static func json(_ object: [String: Any]) throws {
    let data = try JSONSerialization.data(
      withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    write(String(decoding: data, as: UTF8.self))
  }

  package static func number(_ value: Double, digits: Int = 3) -> String {
    value.isFinite ? String(format: "%.\(digits)f", value) : "–"
  }

  /// "640 kB", "3.1 MB", "12.5 GB", in powers of ten.
  package static func size(_ bytes: UInt64) -> String {
    let bytes = Double(bytes)
    return bytes < 1e6
      ? "\(number(bytes / 1e3, digits: 0)) kB"
      : bytes < 1e9
        ? "\(number(bytes / 1e6, digits: 1)) MB" : "\(number(bytes / 1e9, digits: 1)) GB"
  }

  /// "4.2 s", "3 min 5 s", "2 h 10 min".
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 59.95 else { return "\(number(seconds, digits: 1)) s" }
    let whole = Int(seconds.rounded())
    return whole < 3600
      ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
  }

  /// The text at the left end of `width` columns and a space at least; longer text stays whole.
  package static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  /// The text at the right end of `width` columns, after a space at least; longer text stays whole.
  package static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(1, width - text.count)) + text
  }

  /// "1 unit", "2 units".
  package static func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }

  /// Why something that was said is lost, if so.
  package static var lost: String? {
    terminalIsLost.withLock { $0 } ? nil : failure.withLock { $0 }
  }

  /// Whether the reader of standard output has closed its end of the pipe.
  package static var hasLostReader: Bool { reader.withLock { $0.isGone } }

  /// Calls `perform` once when nobody reads standard output any more, at once if that is so already.
  package static func onLostReader(_ perform: @escaping @Sendable () -> Void) {
    let isGone = reader.withLock { reader in
      reader.perform = perform
      return reader.isGone
    }
    if isGone { perform() }
  }

  /// A closed pipe is an error of the write and not the end of the process, which may have work to
  /// save.
  package static func ignoreClosedPipes() { _ = signal(SIGPIPE, SIG_IGN) }

  /// Opens what is closed of the three standard streams: the next file, such as the journal, would
  /// get its number, and whatever is printed would go there.
  package static func openStandardStreams() {
    for number: CInt in 0...2 where fcntl(number, F_GETFD) == -1 {
      _ = unsafe open("/dev/null", O_RDWR)
    }
  }

  private static func write(_ text: String) { put(text + "\n") }

  /// Bytes for another program.
  package static func data(_ bytes: some Sequence<UInt8>) {
    put(Array(bytes)[...], to: STDOUT_FILENO)
  }

  private static func put(_ text: String) { data(text.utf8) }

  /// What people read. Where that is standard error, nothing waits for its reader.
  private static func say(_ text: String) {
    let descriptor = speech.withLock { $0 }
    guard descriptor == STDOUT_FILENO else {
      try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
      return
    }
    put(text)
  }

  private static func put(_ bytes: ArraySlice<UInt8>, to descriptor: CInt) {
    var rest = bytes
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
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
package func jsonNumber(_ value: Double) -> Any { value.isFinite ? value : NSNull() }
