package import Flow
package import Network
import Records
package import Tasks
package import Tensor

/// The pictures that show a run at a glance: a row for each category, the same prompts and noises
/// every time, framed green where the strict judge is content and red where not.
package enum PictureGrid {
  package static func draw(
    _ weights: Buffer, network: DiT, task: some Task, odeSteps: Int, guidance: Guidance = .none,
    columns: Int = 8,
    side: Int = 64
  ) -> Picture {
    let rows = task.heldOutPrompts.categories.map { category in
      Array(task.heldOutPrompts.filter { $0.category == category }.prefix(columns))
    }
    let latents = Evaluation.latents(
      of: weights, network: network, task: task, prompts: rows.flatMap(\.self), noises: 1,
      odeSteps: odeSteps, guidance: guidance)
    var next = 0
    let pictures = rows.map { row in
      row.map { prompt in
        defer { next += 1 }
        let latent = latents[next][0]
        let isRight = task.score(latent, for: prompt).strict
        return task.picture(of: latent, side: side).framed(isRight ? .green : .red, thickness: 2)
      }
    }
    return Picture.grid(pictures, gap: 4)
  }
}
