import Configuration
import Foundation
import Tasks

/// What groups of runs are called: as their sweep called them, else by preset and what differs from it.
enum GroupNames {
  /// Differences that fit into a name.
  private static let shown = 3

  /// - Parameter groups: a run's path and configuration for each.
  static func names(of groups: [(path: String, configuration: RunConfiguration)]) -> [String] {
    var names = groups.map { sweepName(of: $0.path) ?? presetName(of: $0.configuration) }
    for (name, members) in Dictionary(grouping: names.indices, by: { names[$0] })
    where members.count > 1 {
      let settings = members.map { groups[$0].configuration.comparedSettings }
      let differing = settings[0].indices.filter { index in
        Set(settings.map { $0[index].value }).count > 1
      }
      for (member, own) in zip(members, settings) {
        names[member] = ([name] + differing.prefix(shown).map { text(own[$0]) })
          .joined(separator: " ")
      }
    }
    var counts: [String: Int] = [:]
    return names.map { name in
      counts[name, default: 0] += 1
      return counts[name] == 1 ? name : "\(name) #\(counts[name] ?? 0)"
    }
  }

  /// `NAME` of `NAME/seed-3`.
  private static func sweepName(of path: String) -> String? {
    let parts = URL(fileURLWithPath: path).standardizedFileURL.pathComponents
    guard parts.count > 2, let last = parts.last, last.hasPrefix("seed-"),
      UInt64(last.dropFirst(5)) != nil
    else { return nil }
    return parts[parts.count - 2]
  }

  /// The nearest preset and what differs from it.
  private static func presetName(of configuration: RunConfiguration) -> String {
    let own = configuration.comparedSettings
    let candidates = RunConfiguration.presets.compactMap { name -> (String, [String])? in
      guard let preset = try? RunConfiguration(named: name) else { return nil }
      return (
        name, zip(own, preset.comparedSettings).filter { $0.value != $1.value }.map { text($0.0) }
      )
    }
    guard let (name, differences) = candidates.min(by: { $0.1.count < $1.1.count }) else {
      return configuration.task.rawValue
    }
    let more = differences.count > shown ? ["…"] : []
    return ([name] + differences.prefix(shown) + more).joined(separator: " ")
  }

  private static func text(_ setting: (path: String, value: String)) -> String {
    let isLong = setting.value.contains("\n") || setting.value.count > 40
    return isLong ? "\(setting.path)=…" : "\(setting.path)=\(setting.value)"
  }
}
