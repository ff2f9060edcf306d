package import Flow
package import Network
package import Tasks

extension DiT.Shape {
  /// The network that a task's presets and shipped base use.
  package static func standard(for task: some Task, width: Int = 64, depth: Int = 3, heads: Int = 4)
    -> DiT.Shape
  {
    DiT.Shape(
      latentTokens: task.latentTokens, latentChannels: task.latentChannels,
      vocabulary: task.vocabulary.count, longestPrompt: task.longestPrompt, width: width,
      depth: depth, heads: heads)
  }
}

extension BuiltInModel {
  /// The built-in network with the words of a task.
  package init(_ shape: DiT.Shape, for task: any Task) {
    self.init(DiT(shape)) { task.tokens(of: $0) }
  }

  package init(for task: any Task, width: Int = 64, depth: Int = 3, heads: Int = 4) {
    self.init(.standard(for: task, width: width, depth: depth, heads: heads), for: task)
  }
}
