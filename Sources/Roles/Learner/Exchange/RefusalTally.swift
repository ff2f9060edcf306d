/// Messages that were refused, by reason.
package struct RefusalTally {
  package private(set) var counts: [String: Int] = [:]
  private var told: [String: Int] = [:]

  /// Reasons quote what a peer sent, so only so many different ones are kept.
  private static let reasons = 256

  package init() {}

  package mutating func count(_ reason: String) {
    let isNamed = counts[reason] != nil || counts.count < Self.reasons
    counts[isNamed ? reason : "others", default: 0] += 1
  }

  /// What was refused since the last time, in one line; nil if nothing was.
  package mutating func news() -> String? {
    let news = counts.compactMap { reason, count in
      let more = count - told[reason, default: 0]
      return more > 0 ? (reason: reason, count: more) : nil
    }.sorted { ($1.count, $0.reason) < ($0.count, $1.reason) }
    told = counts
    guard !news.isEmpty else { return nil }
    let total = news.reduce(0) { $0 + $1.count }
    let named = news.prefix(3).map { "\($0.count) × \($0.reason)" }.joined(separator: " · ")
    return "! \(total) messages of peers were refused in the last minute: \(named)"
  }
}
