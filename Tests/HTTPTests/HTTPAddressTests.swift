import HTTP
import Testing

/// Addresses of servers: what is read, what is refused, what is hidden.
struct HTTPAddressTests {
  @Test(arguments: [
    ("http://127.0.0.1:8000", "127.0.0.1", "http://127.0.0.1:8000/"),
    ("HTTP://Host/A", "Host", "http://Host/A"), ("https://host", "host", "https://host/"),
    ("http://[::1]:18408", "::1", "http://[::1]:18408/"),
    ("http://[fe80::1%25eth0]:1/x", "fe80::1%25eth0", "http://[fe80::1%25eth0]:1/x"),
    ("http://host?model=a", "host", "http://host/?model=a"),
    (
      "http://host/p?tokens=3&monkey=1&model=v1-5", "host",
      "http://host/p?tokens=3&monkey=1&model=v1-5"
    ),
  ])
  func `an address is read`(text: String, host: String, shown: String) throws {
    let address = try HTTPAddress(text)
    #expect(address.bareHost == host)
    #expect("\(address)" == shown)
    #expect(address.secret == nil)
  }

  @Test(arguments: [
    ("http://", "names no host"), ("http:///x", "no address"), ("http://:80/", "names no host"),
    ("http://h:70000", "65535"), ("http://h:0", "65535"), ("http://h:x1", "65535"),
    ("http://[::1", "no address"), ("ftp://h", "http://"), ("127.0.0.1:8000", "http://"),
    ("http://me:hunter2@", "no address"), ("http://me:hun/ter2@h", "no address"),
  ])
  func `what is none is refused, and no password is in the sentence`(text: String, words: String) {
    do throws(HTTPAddressError) {
      let address = try HTTPAddress(text)
      Issue.record("\(text) is taken as \(address)")
    } catch {
      #expect("\(error)".contains(words), "\(error)")
      #expect(!"\(error)".contains("ter2"), "\(error)")
    }
  }

  @Test(arguments: [
    ("http://me:hunter2@h:1/x", HTTPAddress.Secret.credentials, "http://…@h:1/x"),
    ("http://hunter2@h", .credentials, "http://…@h/"),
    ("http://h/?token=hunter2", .parameter("token"), "http://h/?token=…"),
    ("http://h/?a=1&API-Key=hunter2&b=2", .parameter("API-Key"), "http://h/?a=1&API-Key=…&b=2"),
    ("http://h/?accessToken=hunter2", .parameter("accessToken"), "http://h/?accessToken=…"),
    ("http://h/?q=sk-hunter2", .parameter("q"), "http://h/?q=…"),
    ("http://h/?q=0123456789abcdefhunter2abcd", .parameter("q"), "http://h/?q=…"),
  ])
  func `secrets are found and hidden`(text: String, secret: HTTPAddress.Secret, shown: String)
    throws
  {
    let address = try HTTPAddress(text)
    #expect(address.secret == secret)
    #expect("\(address)" == shown)
    #expect(HTTPAddress.masked(address: text) == shown)
    #expect("\(address.appending("compute"))".contains("hunter2") == false)
  }

  @Test(arguments: [
    ("http://localhost:1", true), ("http://LOCALHOST", true), ("http://127.0.0.1", true),
    ("http://127.9.9.9", true), ("http://[::1]", true), ("http://a.localhost", true),
    ("http://127.example.org", false), ("http://10.0.0.1", false), ("http://localhost.org", false),
  ])
  func `this machine is known`(text: String, isLoopback: Bool) throws {
    #expect(try HTTPAddress(text).isLoopback == isLoopback)
  }
}
