import Dialogue
import Testing

struct ConsoleTests {
  @Test func `sizes and durations are in the unit that people say`() {
    #expect(Console.size(640_000) == "640 kB")
    #expect(Console.size(3_100_000) == "3.1 MB")
    #expect(Console.size(12_500_000_000) == "12.5 GB")
    #expect(Console.duration(4.2) == "4.2 s")
    #expect(Console.duration(185) == "3 min 5 s")
    #expect(Console.duration(7800) == "2 h 10 min")
  }

  @Test func `a column keeps a space, also beside what is wider`() {
    #expect(Console.left("ab", 4) + "|" == "ab  |")
    #expect(Console.left("abcdef", 4) + "|" == "abcdef |")
    #expect(Console.right("ab", 4) == "  ab")
    #expect(Console.right("abcdef", 4) == " abcdef")
  }

  @Test func `a number that is none is no number in JSON either`() {
    #expect(Console.number(.nan) == "–")
    #expect(jsonNumber(.infinity) as? Double == nil)
    #expect(jsonNumber(0.5) as? Double == 0.5)
  }
}
