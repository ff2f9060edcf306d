package import Flow
import Objective
package import Records
import Rewards
package import Tasks
package import Tensor

/// The pictures that show a run at a glance: a row for each category, the same prompts and noises
/// every time, in frames that say how they are judged, with the prompt and the verdict under each; of a
/// task whose results are points, all of them in one plot.
package struct PictureGrid: Sendable {
  private let rows: [(name: String, prompts: [Prompt])]
  private let recipe: Recipe

  private static let plotNoises = 24
  private static let plotSide = 480

  /// Eight pictures of each category, a row for each.
  package init(of recipe: Recipe, columns: Int = 8) {
    self.recipe = recipe
    let prompts = recipe.task.heldOutPrompts
    rows = prompts.categories.map { category in
      (category, Array(prompts.filter { $0.category == category }.prefix(columns)))
    }
  }

  /// Two pictures of each category in one row, more where it would have fewer than eight.
  package init(stripOf recipe: Recipe) {
    self.recipe = recipe
    let prompts = recipe.task.heldOutPrompts
    let categories = prompts.categories
    let each = max(2, 8 / max(categories.count, 1))
    let row = categories.flatMap { category in
      prompts.filter { $0.category == category }.prefix(each)
    }
    rows = [("", row)]
  }

  /// What is drawn, row after row; nothing for a task whose results are drawn into a plot.
  var prompts: [Prompt] {
    recipe.task.plot(of: [], side: 8) == nil ? rows.flatMap(\.prompts) : []
  }

  /// What a policy makes of the prompts, row after row: what is to be judged.
  package func results(of weights: Buffer) throws(ModelFailure) -> [(
    prompt: Prompt, latent: [Float]
  )] {
    let prompts = prompts
    let latents = try Evaluation.latents(
      of: weights, session: recipe.session(), prompts: prompts, noises: 1,
      odeSteps: recipe.evaluation.odeSteps, guidance: recipe.algorithm.guidance.evaluation)
    return zip(prompts, latents).map { ($0, $1[0]) }
  }

  /// A policy's results with what is said of them.
  package struct Shown {
    /// What the policy is called.
    package var name: String
    package var weights: Buffer
    package var results: [(prompt: Prompt, latent: [Float])]
    /// In the order of the results.
    package var verdicts: [Judgement.Verdict]

    package init(
      _ name: String, _ weights: Buffer, _ results: [(prompt: Prompt, latent: [Float])],
      _ verdicts: [Judgement.Verdict]
    ) {
      self.name = name
      self.weights = weights
      self.results = results
      self.verdicts = verdicts
    }
  }

  /// The rows of one policy.
  ///
  /// - Parameters:
  ///   - title: what is shown, such as the task and the version.
  ///   - legend: how to read it.
  package func picture(
    of shown: Shown, title: String, legend: String, side: Int = 96
  ) throws(ModelFailure) -> Picture {
    let conditions =
      "Held-out prompts, averaged weights, \(recipe.evaluation.odeSteps) steps of the ODE sampler."
    if let plot = try plot(shown.weights) {
      return CaptionedGrid(
        heading: [title, conditions, legend], rows: [.init("", [.init(plot)])]
      ).picture
    }
    return CaptionedGrid(
      heading: [title, conditions, legend],
      rows: zip(rows, try cells(of: shown, side: side)).map { .init($0.name, $1) }
    ).picture
  }

  /// A row for each of several policies, of a grid that has one.
  package func strip(
    of policies: [Shown], title: String, legend: String, side: Int = 96
  ) throws(ModelFailure) -> Picture {
    var plots: [CaptionedGrid.Cell] = []
    for policy in policies {
      guard let plot = try plot(policy.weights) else { continue }
      plots.append(CaptionedGrid.Cell(plot, caption: policy.name))
    }
    if !plots.isEmpty {
      return CaptionedGrid(heading: [title, legend], rows: [.init("", plots)]).picture
    }
    var rows: [CaptionedGrid.Row] = []
    for policy in policies {
      rows.append(.init(policy.name, try cells(of: policy, side: side).flatMap(\.self)))
    }
    return CaptionedGrid(
      heading: [title, legend],
      rows: rows
    ).picture
  }

  /// How to read the pictures.
  ///
  /// - Parameter frames: what frames mean, where there are some.
  package func legend(frames: String) -> String {
    recipe.task.plot(of: [], side: 8) == nil
      ? frames
      : "A point for each noise in the colour of its prompt; the discs are what the task's judge calls"
        + " right."
  }

  /// All results of the held-out prompts, each prompt once; nil for a task that makes pictures.
  private func plot(_ weights: Buffer) throws(ModelFailure) -> Picture? {
    let task = recipe.task
    guard task.plot(of: [], side: 8) != nil else { return nil }
    var seen: Set<Prompt> = []
    let prompts = Array(task.heldOutPrompts.filter { seen.insert($0).inserted }.prefix(64))
    let latents = try Evaluation.latents(
      of: weights, session: recipe.session(), prompts: prompts, noises: Self.plotNoises,
      odeSteps: recipe.evaluation.odeSteps, guidance: recipe.algorithm.guidance.evaluation)
    let results = zip(prompts, latents).flatMap { prompt, group in
      group.map { (prompt: prompt, latent: $0) }
    }
    return task.plot(of: results, side: Self.plotSide)
  }

  private func cells(of shown: Shown, side: Int) throws(ModelFailure) -> [[CaptionedGrid.Cell]] {
    let pictures = try recipe.pictures(
      of: shown.results.map(\.latent), side: side, by: recipe.session())
    // What all of them begin with tells them apart from nothing.
    let shared = Self.sharedWords(rows.flatMap { $0.prompts.map(\.text) })
    var next = 0
    return rows.map { row in
      row.prompts.map { prompt in
        defer { next += 1 }
        let verdict = shown.verdicts[next]
        let words = prompt.text.split(separator: " ").dropFirst(shared).joined(separator: " ")
        return CaptionedGrid.Cell(
          pictures[next].enlarged(to: side).framed(verdict.frame, thickness: 2),
          caption: words + (verdict.score.isEmpty ? "" : ": \(verdict.score)"),
          fault: verdict.fault)
      }
    }
  }

  /// How many words all texts begin with, but for their last.
  private static func sharedWords(_ texts: [String]) -> Int {
    let lists = texts.map { $0.split(separator: " ") }
    guard let first = lists.first, lists.count > 1 else { return 0 }
    return lists.dropFirst().reduce(first.count - 1) { count, list in
      min(list.count - 1, zip(first, list).prefix { $0 == $1 }.count, count)
    }
  }
}

extension CaptionedGrid.Cell {
  /// A result in the frame of its verdict, with what was asked and what is wrong.
  ///
  /// - Parameter caption: instead of the prompt.
  package init(
    _ picture: Picture, _ latent: [Float], of prompt: Prompt, task: some Task,
    caption: String? = nil
  ) {
    guard task.isJudged else {
      self.init(picture, caption: caption ?? prompt.text)
      return
    }
    let isRight = task.score(latent, for: prompt).strict
    self.init(
      picture.framed(isRight ? .green : .red, thickness: 2),
      caption: caption ?? prompt.text,
      fault: isRight ? "" : task.reasons(latent, for: prompt).joined(separator: "; "))
  }
}
