package import Records
package import Tasks

/// The final branches of recorded units, a block for each unit, on pages that fit a screen.
///
/// A block says the update, the unit and the prompt; it has a row for each branching point and under
/// each picture its reward. Frames are the task's own judge's, as in ``PictureGrid``. Of a task whose
/// results are points, a block is one plot.
package struct BranchSheet {
  /// A page is no larger unless one block is.
  package static let page = (width: 1_600, height: 1_000)

  private var blocks: [Picture] = []
  private let task: any Task
  private let side: Int

  package init(of task: any Task, side: Int) {
    self.task = task
    self.side = side
  }

  package mutating func add(_ trajectory: Trajectory, update: UInt64) {
    guard task.trainPrompts.indices.contains(trajectory.prompt) else { return }
    let prompt = task.trainPrompts[trajectory.prompt]
    let name = "update \(update), unit \(trajectory.unit.rawValue)"
    let outcomes = trajectory.outcomes + trajectory.points.flatMap(\.outcomes)
    if let plot = task.plot(of: outcomes.map { (prompt, $0.latent) }, side: 4 * side) {
      blocks.append(
        CaptionedGrid(rows: [.init("", [.init(plot, caption: "\(name): \(prompt.text)")])]).picture)
      return
    }
    let judged =
      [(name: "trunk", outcomes: trajectory.outcomes)]
      + trajectory.points.map { (name: "step \($0.step)", outcomes: $0.outcomes) }
    let rows = judged.filter { !$0.outcomes.isEmpty }.map { row in
      CaptionedGrid.Row(
        row.name,
        row.outcomes.map { outcome in
          let isRight = task.score(outcome.latent, for: prompt).strict
          return .init(
            task.picture(of: outcome.latent, side: side)
              .framed(isRight ? .green : .red, thickness: 2),
            caption: outcome.rewards.map { Self.text($0) }.joined(separator: " "))
        })
    }
    var grid = CaptionedGrid(heading: ["\(name): \(prompt.text)"], rows: rows)
    grid.hasTitle = false
    grid.lineLimit = 1
    blocks.append(grid.picture)
  }

  /// As many blocks as fit beside and below each other on each.
  package var pages: [Picture] {
    let width = max(1, blocks.map(\.width).max() ?? 1)
    let height = max(1, blocks.map(\.height).max() ?? 1)
    let columns = max(1, Self.page.width / (width + 4))
    let rows = max(1, Self.page.height / (height + 4))
    return stride(from: 0, to: blocks.count, by: columns * rows).map { first in
      let end = min(first + columns * rows, blocks.count)
      return Picture.grid(
        stride(from: first, to: end, by: columns).map {
          Array(blocks[$0..<min($0 + columns, end)])
        }, gap: 4)
    }
  }

  /// Two digits behind the point, and no more of what is 0 or 1.
  private static func text(_ reward: Float) -> String {
    guard reward.isFinite else { return "\(reward)" }
    let hundredths = Int((max(-1e6, min(1e6, reward)) * 100).rounded())
    let (whole, rest) = abs(hundredths).quotientAndRemainder(dividingBy: 100)
    let digits = rest == 0 ? "" : rest < 10 ? ".0\(rest)" : ".\(rest)"
    return (hundredths < 0 ? "-" : "") + "\(whole)\(digits)"
  }
}
