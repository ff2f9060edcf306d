import Testing
import Transport

struct MailboxTests {
  @Test func `the oldest item comes with those right behind it that are like it, up to a number`() {
    let mailbox = Mailbox<Int>()
    for item in [2, 4, 6, 3, 8, 10] { mailbox.post(item) }
    func next(_ most: Int) -> [Int]? {
      mailbox.next(upTo: most) { $0.isMultiple(of: 2) == $1.isMultiple(of: 2) }
    }
    #expect(next(2) == [2, 4])
    #expect(next(9) == [6])
    #expect(mailbox.next() == 3)
    #expect(next(9) == [8, 10])
    mailbox.post(1)
    mailbox.close()
    #expect(next(9) == nil && mailbox.next() == nil)
  }
}
