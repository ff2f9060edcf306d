import Foundation
import Testing
import Transport

/// Questions and answers by HTTP, and the conversation about one, without sockets.
struct AnswerTests {
  private func outcome(_ text: String) -> RequestHead.Outcome {
    var head = RequestHead()
    return head.add(Array(text.utf8))
  }

  @Test func `a question is heard however it is cut`() {
    let text = Array("GET /metrics?x=1 HTTP/1.1\r\nHost: here\r\nAccept: */*\r\n\r\n".utf8)
    for cut in 0..<text.count {
      var head = RequestHead()
      let outcomes = [head.add(text[..<cut]), head.add(text[cut...]), head.add([1, 2, 3])]
      let question = RequestHead.Outcome.asks(path: "/metrics", wantsBody: true)
      #expect(outcomes == [.incomplete, question, question])
    }
  }

  @Test func `what is no question is refused`() {
    #expect(outcome("HEAD / HTTP/1.0\n\n") == .asks(path: "/", wantsBody: false))
    #expect(outcome("POST /metrics HTTP/1.1\r\n\r\n") == .refused(.methodNotAllowed))
    for text in [
      "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n",
      "GET http://x/ HTTP/1.1\r\n\r\n", "\r\n\r\n", "GET /\u{1b}[31m HTTP/1.1\r\n\r\n",
      "GET /é HTTP/1.1\r\n\r\n", "GET /a b HTTP/1.1\r\n\r\n", "\0\0\0\n\n",
    ] { #expect(outcome(text) == .refused(.badRequest), "\(text)") }
  }

  @Test func `a head has a limit`() {
    var head = RequestHead()
    let outcomes = [
      head.add(Array(repeating: 65, count: RequestHead.byteLimit - 1)), head.add([65]),
    ]
    #expect(outcomes == [.incomplete, .refused(.headTooLarge)])
    #expect(outcome("GET /" + String(repeating: "x", count: 1 << 20)) == .refused(.headTooLarge))
  }

  @Test(arguments: HTTPAnswer.Status.allCases) func `an answer is read as it was written`(
    status: HTTPAnswer.Status
  ) {
    let answer = HTTPAnswer(status, contentType: "a/b", body: Array("line\r\n\r\nmore".utf8))
    #expect(HTTPAnswer(decoding: answer.encoded()) == answer)
    #expect(HTTPAnswer(decoding: answer.encoded().dropLast() + []) == nil)
    #expect(HTTPAnswer(decoding: answer.encoded(withBody: false)) == nil)
  }

  @Test func `a conversation has one question, one answer and an end`() {
    var conversation = Conversation(now: 10)
    var asked: [String] = []
    func answer(_ path: String) -> HTTPAnswer {
      asked.append(path)
      return HTTPAnswer(.ok, "yes")
    }
    conversation.received(Array("GET /a HT".utf8), answer: answer)
    #expect(conversation.isAsking && conversation.rest.isEmpty)
    conversation.received(Array("TP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n".utf8), answer: answer)
    #expect(asked == ["/a"] && !conversation.isAsking)
    let whole = conversation.rest.count
    let isAllSent = conversation.sent(10)
    #expect(!isAllSent)
    #expect(conversation.rest.count == whole - 10)
    // Who says that it has said all may still listen.
    conversation.ended()
    #expect(!conversation.isOver)
    let isAllSentNow = conversation.sent(whole - 10)
    #expect(isAllSentNow)
    conversation.received(Array(repeating: 0, count: 100), answer: answer)
    #expect(!conversation.isOver)
    conversation.ended()
    #expect(conversation.isOver && asked == ["/a"])
  }

  @Test func `nobody talks for ever`() {
    var conversation = Conversation(now: 10)
    #expect(!conversation.isLate(now: 10 + Conversation.patience))
    #expect(conversation.isLate(now: 10.1 + Conversation.patience))
    conversation.received(Array("GET / HTTP/1.0\n\n".utf8)) { _ in HTTPAnswer(.ok, "") }
    _ = conversation.sent(conversation.rest.count)
    for _ in 0..<1_000 {
      conversation.received([UInt8](repeating: 0, count: 16_384)) { _ in HTTPAnswer(.ok, "") }
    }
    #expect(conversation.isOver)
  }
}
