import Flow

/// `mixgrpo_window`: start and length in every iteration, with the release's rest at the limit;
/// [−1, 0] where the window is empty.
enum MixWindow: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    var window = try window(try example["params"])
    let field = try example["window_start_and_len_per_iteration"]
    var rows: [[Double]] = []
    for _ in try field.entries(nil) {
      let steps = window.steps
      rows.append(steps.isEmpty ? [-1, 0] : [Double(steps.lowerBound), Double(steps.count)])
      window.advance()
    }
    try comparison.expect(rows, at: field)
  }

  private static func window(_ parameters: GoldenValue) throws(GoldenError) -> SlidingWindow {
    func count(_ field: String, or fallback: Int? = nil, from least: Int = 1) throws(GoldenError)
      -> Int
    {
      if let fallback {
        if !parameters.has(field) { return fallback }
        if try parameters[field].isNull { return fallback }
      }
      return try parameters[field].integer(in: least...1_000_000)
    }
    let width = try count("group_size")
    let iterations = try count("iters_per_group")
    let strategy = try parameters["sample_strategy"]
    let stay: SlidingWindow.Stay
    switch try strategy.text() {
    case "progressive": stay = .constant(iterations)
    case "decay":
      stay = .linear(
        most: try count("max_iters_per_group", or: iterations),
        least: try count("min_iters_per_group", or: max(1, iterations / 4)))
    case "exp_decay":
      let rate = parameters.has("exp_decay_k") ? try parameters["exp_decay_k"].number() : 0.1
      stay = .exponential(
        iterations, threshold: try count("exp_decay_thre_timestep", or: 13, from: 0), rate: rate)
    default: throw strategy.isNot("progressive, decay or exp_decay")
    }
    let overlaps = parameters.has("prog_overlap") ? try parameters["prog_overlap"].flag() : false
    let limit = try count("max_timesteps")
    return SlidingWindow(
      width: width, limit: limit,
      stride: overlaps ? try count("prog_overlap_step", or: 1, from: 0) : width, stay: stay,
      startsAgain: parameters.has("roll_back") ? try parameters["roll_back"].flag() : false,
      origin: min(try count("cur_timestep", or: 0, from: 0), limit),
      restsAtLimitAsReleased: true)
  }
}
