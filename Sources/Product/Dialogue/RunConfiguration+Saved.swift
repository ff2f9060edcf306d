package import Configuration
import Foundation
package import Ledger
import Records

extension RunConfiguration {
  /// The resolved configuration of a run folder.
  package init(savedIn folder: RunFolder) throws {
    guard let data = FileManager.default.contents(atPath: folder.configuration) else {
      throw RunFailure(.usage, "there is no \(folder.configuration)")
    }
    self.init()
    guard let text = String(validating: data, as: UTF8.self) else {
      throw RunFailure(
        .usage, "\(folder.configuration) is not text in UTF-8; restore it from a copy")
    }
    try merge(yaml: text, file: folder.configuration)
    try readPromptLists(beside: folder.path)
    try readContract(in: folder)
    try readBase(in: folder)
  }
}
