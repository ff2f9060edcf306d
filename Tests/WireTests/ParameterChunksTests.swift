import Testing
import Wire

/// Every model that can be sent has a manifest that fits.
struct ParameterChunksTests {
  @Test(arguments: [
    1, 4, 512 << 10, 30_000_000, 1_984 * (512 << 10), 1_984 * (512 << 10) + 4, 1_500_000_000,
    ParameterChunks.mostBytes - 4, ParameterChunks.mostBytes,
  ]) func `chunks are few enough and small enough`(bytes: Int) {
    let size = ParameterChunks.size(of: bytes)
    #expect((bytes + size - 1) / size <= WireLimits.chunks)
    #expect(size <= WireLimits.payloadBytes)
    #expect(size % 4 == 0)
  }

  @Test func `models up to a gigabyte are cut as ever`() {
    #expect(ParameterChunks.size(of: 1_984 * (512 << 10)) == 512 << 10)
    #expect(ParameterChunks.size(of: 4) == 512 << 10)
  }
}
