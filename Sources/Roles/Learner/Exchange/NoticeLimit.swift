/// How often peers may make the learner speak: so many lines of one kind a minute; the others are
/// counted. A value that is told the time.
struct NoticeLimit {
  private var lines: [String: (since: Double, count: Int)] = [:]

  /// Whether one more line of this kind may be said now.
  ///
  /// - Parameter kind: a word of this program and never of a peer, so that there are few.
  mutating func allows(_ kind: String, most: Int, now: Double) -> Bool {
    var window = lines[kind] ?? (now, 0)
    if now - window.since >= 60 { window = (now, 0) }
    window.count += 1
    lines[kind] = window
    return window.count <= most
  }
}
