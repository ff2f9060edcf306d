import Foundation
import Records
import TestSupport
import Testing

struct ShellWordTests {
  @Test func `what a shell leaves alone stays as it is`() {
    for path in ["runs/shapes-0001", "/srv/a.b,c:d@e%f+g=h_i", "läufe/eins"] {
      #expect(path.shellWord == path)
    }
  }

  @Test(arguments: [
    "", "my runs/one", "it's", "''", "$HOME", "a;b", "`id`", "*", "~/runs", "a\\b", "a\nb", "#x",
    "\"q\"",
    "a'\u{301};echo b;'\u{301}",
  ])
  func `a shell reads the word as the text`(text: String) throws {
    #expect(try outcome(of: "/bin/sh", ["-c", "printf %s \(text.shellWord)"]).output == text)
  }
}
