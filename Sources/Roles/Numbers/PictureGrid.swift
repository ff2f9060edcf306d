package import Flow
package import Network
import Records
package import Tasks
package import Tensor

/// The pictures that show a run at a glance: a row for each category, the same prompts and noises
/// every time, framed green where the strict judge is content and red where not.
package enum PictureGrid {
  /// Eight pictures of each category, a row for each.
  package static func draw(
    _ weights: Buffer, network: DiT, task: some Task, odeSteps: Int, guidance: Guidance = .none,
    columns: Int = 8, side: Int = 64
  ) -> Picture {
    let rows = task.heldOutPrompts.categories.map { category in
      Array(task.heldOutPrompts.filter { $0.category == category }.prefix(columns))
    }
    return Picture.grid(
      pictures(
        of: rows, weights, network: network, task: task, odeSteps: odeSteps, guidance: guidance,
        side: side), gap: 4)
  }

  /// Two pictures of each category in one row.
  package static func strip(
    _ weights: Buffer, network: DiT, task: some Task, odeSteps: Int, guidance: Guidance = .none,
    side: Int = 64
  ) -> [Picture] {
    let row = task.heldOutPrompts.categories.flatMap { category in
      task.heldOutPrompts.filter { $0.category == category }.prefix(2)
    }
    return pictures(
      of: [row], weights, network: network, task: task, odeSteps: odeSteps, guidance: guidance,
      side: side)[0]
  }

  private static func pictures(
    of rows: [[Prompt]], _ weights: Buffer, network: DiT, task: some Task, odeSteps: Int,
    guidance: Guidance, side: Int
  ) -> [[Picture]] {
    let latents = Evaluation.latents(
      of: weights, network: network, task: task, prompts: rows.flatMap(\.self), noises: 1,
      odeSteps: odeSteps, guidance: guidance)
    var next = 0
    return rows.map { row in
      row.map { prompt in
        defer { next += 1 }
        let latent = latents[next][0]
        let isRight = task.score(latent, for: prompt).strict
        return task.picture(of: latent, side: side).framed(isRight ? .green : .red, thickness: 2)
      }
    }
  }
}
