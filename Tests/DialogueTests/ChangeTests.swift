import Configuration
import Dialogue
import Testing

struct ChangeTests {
  @Test func `one change is a key and all that stands behind its first equals sign`() throws {
    let change = try #require(Change(argument: " reward.train = {url: http://a?b=c} "))
    #expect(change.key == "reward.train")
    #expect(change.value == "{url: http://a?b=c}")
    #expect(Change(argument: "loss.clip") == nil)
  }

  @Test func `a key is changed once`() throws {
    var configuration = RunConfiguration()
    let change = Change(key: "seed", value: "7")
    try configuration.apply([change])
    #expect(configuration.seed == 7)
    #expect(throws: ConfigurationError.self) { try configuration.apply([change, change]) }
  }
}
