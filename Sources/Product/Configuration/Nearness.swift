/// What a misspelt name was meant to be.
package enum Nearness {
  /// The names of keys that a path may mean, such as "loss.beta or loss.kl.beta": the nearest ones,
  /// also where sections were left out.
  static func keys(to path: String) -> String {
    let path = short(path)
    let rated = RunConfiguration.keys.map(\.path).map { key in
      (key: key, distance: spellings(of: key).map { distance($0, path) }.min() ?? .max)
    }
    guard let least = rated.map(\.distance).min() else { return "" }
    let nearest = rated.filter { $0.distance == least }.map(\.key)
    // Many equally far are none that was meant.
    let named = nearest.count > 3 ? [nearest[0]] : nearest
    return named.joined(separator: " or ")
  }

  /// The nearest of some names, however far.
  static func nearest(to name: String, of names: [String]) -> String {
    let name = short(name)
    return names.min { distance($0, name) < distance($1, name) } ?? ""
  }

  /// The nearest of some names, if two letters or a third of it differ.
  package static func close(to name: String, of names: [String]) -> String? {
    let found = nearest(to: name, of: names)
    let most = max(found.count > 3 ? 2 : 1, found.count / 3)
    return distance(found, short(name)) <= most ? found : nil
  }

  /// A path, and the path without some of the sections before its last name.
  private static func spellings(of path: String) -> [String] {
    let parts = path.split(separator: ".").map(String.init)
    return parts.dropLast().reduce([""]) { starts, section in
      starts + starts.map { "\($0)\(section)." }
    }.map { $0 + parts[parts.count - 1] }
  }

  /// No name of ours is as long, and the distance takes time for every character.
  private static func short(_ name: String) -> String { String(name.unicodeScalars.prefix(64)) }

  /// Levenshtein's distance.
  private static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var row = Array(0...b.count)
    for i in a.indices {
      var diagonal = row[0]
      row[0] = i + 1
      for j in b.indices {
        let substitution = diagonal + (a[i] == b[j] ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substitution, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
}
