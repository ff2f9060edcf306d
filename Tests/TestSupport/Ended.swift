package import Foundation

/// Whether nothing of a process is left but its status, for which nobody may ever ask.
package func hasEnded(_ pid: pid_t) -> Bool {
  guard let status = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return true }
  return String(decoding: status, as: UTF8.self).contains(") Z ")
}
