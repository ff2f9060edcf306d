package import Network

/// `model.lora.*`: a low-rank adapter of the built-in network, which alone is trained.
package struct AdapterSettings: Hashable, Sendable {
  /// r; 0 is none.
  package var rank = 0
  /// α; 0 is r.
  package var alpha = 0.0
  package var targets = "qkv,attention_out,mlp_in,mlp_out"
  /// What it begins with: nothing for B = 0, or where an adapter lies.
  package var start = ""
  /// The digest of what it is added to.
  package var base = ""

  package init() {}

  static let keys: [Key] = [
    .later(
      .integer(
        "model.lora.rank", \.model.adapter.rank, 0...1024,
        "Rank of a low-rank adapter (LoRA) of the built-in network, which alone is trained; 0 trains all of it."
      )),
    .later(
      .number(
        "model.lora.alpha", \.model.adapter.alpha, 0...1_000_000,
        "What the adapter adds to a weight counts alpha / rank; 0 is the rank.")),
    .later(
      .list(
        "model.lora.targets", \.model.adapter.targets,
        "The layers that have an adapter, by their names or the ends of these behind a dot: of every block"
          + " qkv, attention_out, mlp_in, mlp_out, modulation, or one such as blocks.0.qkv; latent_in.0,"
          + " latent_in.1, time.0, time.1, latent_out.")),
    .later(
      .text(
        "model.lora.init", \.model.adapter.start,
        "What the adapter begins with: nothing (it adds nothing then), a folder that peft has saved, or an"
          + " adapter's safetensors file. The reference is the base alone in any case.")),
    .later(
      .text(
        "model.lora.base", \.model.adapter.base,
        "The digest of the weights that the adapter is added to, which model.init names; set when the run"
          + " begins.")),
  ]

  /// nil for none.
  package var form: LowRankAdapter.Form? {
    if rank == 0 { return nil }
    let names = targets.split(separator: ",", omittingEmptySubsequences: false).map {
      String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
    return LowRankAdapter.Form(
      rank: rank, alpha: alpha == 0 ? Double(rank) : alpha, targets: names)
  }
}
