import Bytes
import Records
import Testing
import Wire

struct DigestTests {
  @Test func `digests of bytes floats and pieces agree`() {
    let abc = Digest(of: Array("abc".utf8))
    #expect(
      abc.description == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319")
    var builder = DigestBuilder()
    builder.add(Array("ab".utf8))
    builder.add(Array("c".utf8))
    #expect(Digest(builder) == abc)
    #expect(Digest(of: [Float(1)]) == Digest(of: [UInt8]([0, 0, 0x80, 0x3f])))
  }
}
