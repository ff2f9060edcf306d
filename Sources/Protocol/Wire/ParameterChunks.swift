/// How parameters are cut for their way to actors.
package enum ParameterChunks {
  /// 512 KiB: a slow link stays far from its timeout.
  package static let smallest = 512 << 10
  /// The most bytes of parameters that can be sent: one manifest names all chunks, and each is one payload.
  package static let mostBytes = WireLimits.chunks * WireLimits.payloadBytes

  /// The size of each chunk but the last, larger where there would be more than a manifest can name.
  ///
  /// - Parameter count: bytes, at most ``mostBytes``.
  package static func size(of count: Int) -> Int {
    let least = (count + WireLimits.chunks - 1) / WireLimits.chunks
    // Whole parameters, and whole pages.
    return max(smallest, (least + 4_095) / 4_096 * 4_096)
  }
}
