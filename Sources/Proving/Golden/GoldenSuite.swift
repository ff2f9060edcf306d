import Foundation

/// Runs golden files against the functions that training calls.
package enum GoldenSuite {
  /// All `.json` files of a folder, by name.
  ///
  /// A file that cannot be read is a failed report; a folder that cannot be read or that holds no
  /// golden file throws, so that nothing compared is never taken for nothing wrong.
  package static func run(directory: String) throws -> [GoldenReport] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else {
      throw GoldenError("no folder \(directory)")
    }
    let files = names.filter { $0.hasSuffix(".json") }.sorted()
    guard !files.isEmpty else { throw GoldenError("no golden files (*.json) in \(directory)") }
    return files.map { file in
      do throws(GoldenError) {
        return try GoldenFile(contentsOf: directory + "/" + file).report(as: file)
      } catch {
        return GoldenReport(
          file: file, cases: 0, comparisons: 0, worstDeviation: 0, status: .failed,
          failures: [error.description])
      }
    }
  }
}
