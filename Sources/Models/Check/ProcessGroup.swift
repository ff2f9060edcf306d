import Foundation
import Glibc

/// What still runs of a group of processes.
enum ProcessGroup {
  /// Whether a process of the group runs; one that has ended and that nobody looked at does not.
  static func hasMembers(_ group: pid_t) -> Bool {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.contains { name in
      guard Int(name) != nil,
        let line = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8),
        // The command's name may have anything in it, in parentheses.
        let end = line.lastIndex(of: ")")
      else { return false }
      let fields = line[line.index(after: end)...].split(separator: " ")
      return fields.count > 2 && fields[0] != "Z" && fields[2] == "\(group)"
    }
  }
}
