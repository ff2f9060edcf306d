import Bytes
import Foundation

/// The shipped base of a task, a safetensors file; nil if the task has none, or the program was copied without it.
///
/// `tributary pretrain` makes it again.
package func baseCheckpoint(ofTask name: String) -> String? {
  guard let folder = ResourceFolder.path(of: "Tasks") else { return nil }
  let path = "\(folder)/Resources/\(name).safetensors"
  return FileManager.default.fileExists(atPath: path) ? path : nil
}
