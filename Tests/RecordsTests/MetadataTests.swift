import Foundation
import Records
import Testing

/// JSON that is passed on as it came.
struct MetadataTests {
  private func passed(_ json: String) throws -> String? {
    guard let metadata = Metadata(json: json) else { return nil }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(metadata), as: UTF8.self)
  }

  @Test(arguments: [
    "{}", "{\"a\":1}", "{\"a\":-3,\"b\":0.5,\"c\":1e+22,\"d\":9007199254740993}",
    "{\"a\":true,\"b\":false,\"c\":null}", "{\"a\":[1,\"1\",true,null,[],{}]}",
    "{\"\":\"\",\"é\":\"🌊/\\\\\\\"\"}", "{\"a\":{\"b\":{\"c\":[{\"d\":0}]}}}",
  ])
  func `an object goes through as it is`(json: String) throws {
    #expect(try passed(json) == json)
  }

  @Test func `one and true, and zero and false, stay what they are`() throws {
    #expect(
      try passed("{\"a\":[1,true,0,false,1.0,0.0]}")
        == "{\"a\":[1,true,0,false,1,0]}")
  }

  @Test(arguments: [
    "", " ", "null", "1", "\"a\"", "[]", "[{}]", "{", "{\"a\":}", "{a:1}", "{\"a\":NaN}", "\u{0}",
    "{\"a\":\(String(repeating: "[", count: 32))\(String(repeating: "]", count: 32))}",
    String(repeating: "{\"a\":", count: 100_000),
  ])
  func `what is no object is none`(json: String) {
    #expect(Metadata(json: json) == nil)
  }

  @Test func `it may be nested as deep as everything that is read`() {
    let depth = ForeignJSON.depthLimit - 1
    let json =
      "{\"a\":\(String(repeating: "[", count: depth))\(String(repeating: "]", count: depth))}"
    #expect(Metadata(json: json) != nil)
  }
}
