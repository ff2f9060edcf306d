import Foundation

/// The shipped base of a task, a safetensors file; nil if the task has none.
///
/// `tributary pretrain` makes it again.
package func baseCheckpoint(ofTask name: String) -> String? {
  let path = Bundle.module.bundleURL.appendingPathComponent("Resources/\(name).safetensors").path
  return FileManager.default.fileExists(atPath: path) ? path : nil
}
