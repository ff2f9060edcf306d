import Foundation

/// Two threads add to one number without asking each other: what the thread sanitizer must report.
final class Shared: @unchecked Sendable { var count = 0 }
let shared = Shared()
let threads = (0..<2).map { _ in Thread { for _ in 0..<1000 { shared.count += 1 } } }
for thread in threads { thread.start() }
while threads.contains(where: { !$0.isFinished }) { usleep(1000) }
