import Bytes
import Foundation
import Programs
import Testing
import TestSupport

import Models

/// Headers of answers, which may be anybody's, and where the tensors of a question stand.
struct MessageTests {
  // MARK: Headers

  private func refusal(_ text: String) -> Fault? {
    do throws(Fault) {
      _ = try ModelAnswer(decoding: Array(text.utf8))
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [
    "", " ", "null", "1", "\"answer\"", "[]", "{}", "good morning", "{\"answer\": \"hello\"}",
    "{\"call\": 1}", "{\"answer\": 7, \"call\": 1}", "{\"answer\": \"a\", \"call\": \"1\"}",
    "{\"answer\": \"a\", \"call\": 1.5}", "{\"answer\": \"a\", \"call\": 1e99}",
    "{\"answer\": \"a\", \"call\": 1, \"inline\": \"4\"}",
    "{\"answer\": \"a\", \"call\": 1, \"inline\": 0.5}",
    "{\"answer\": \"a\", \"call\": 1, \"retry\": 1}",
    "{\"answer\": \"a\", \"call\": 1, \"sentence\": [\"x\"]}",
    "{\"answer\": \"a\", \"call\": 1, \"digest\": 5}", "{\"answer\": \"a\", \"call\": 1",
    "{\"answer\": \"a\", \"call\": 99999999999999999999}", "{\"answer\": \"\u{0}\", \"call\": 1}}",
    String(repeating: "[", count: 100_000), String(repeating: "{\"answer\":", count: 100_000),
    "{\"answer\": \"a\", \"call\": 1, \"x\": \(String(repeating: "[", count: 600))"
      + "\(String(repeating: "]", count: 600))}",
  ])
  func `a header that is no answer is refused, and its beginning shown`(text: String) throws {
    let fault = try #require(refusal(text))
    #expect(fault.kind == .garbage, "\(fault)")
    #expect(fault.outline == "its answer's header is no answer")
    #expect(fault.description.utf8.count < 600)
  }

  @Test func `bytes that are no text are refused`() {
    for bytes: [UInt8] in [
      [0xff, 0xfe], [0], [0x7b, 0xff, 0x7d], Array(repeating: 0x80, count: 4_096),
    ] {
      #expect(throws: Fault.self) { try ModelAnswer(decoding: bytes) }
    }
  }

  @Test(arguments: [-1, 65_537, Int.max, Int.min])
  func `an inline part of another length than is allowed is refused`(count: Int) throws {
    let fault = try #require(refusal("{\"answer\": \"a\", \"call\": 1, \"inline\": \(count)}"))
    #expect(fault.kind == .oversize && fault.outline.contains("\(count) bytes"), "\(fault)")
  }

  @Test func `fields that nobody knows are ignored, and those of an error are read`() throws {
    let text =
      #"{"answer": "error", "call": 3, "sentence": "no memory", "retry": true, "inline": 65536, "x": {"y": []}}"#
    let answer = try ModelAnswer(decoding: Array(text.utf8))
    #expect(answer.answer == "error" && answer.call == 3 && answer.sentence == "no memory")
    #expect(answer.retry == true && answer.inline == 65_536 && answer.digest == nil)
  }

  // MARK: Places

  /// A question of some tensors and one that is wanted back.
  private func places(_ counts: [Int], answer: Int, total: Int? = nil) throws -> (
    places: [TensorPlace], inline: [UInt8], memory: Int?, file: MemoryFile, sources: [[UInt8]]
  ) {
    let file = try MemoryFile()
    let bytes = counts.map { $0 * 4 }.reduce(0, +) + answer * 4
    var tensors = MessageTensors(total: total ?? bytes)
    var random = SplitMix64(seed: 4)
    let sources = counts.map { count in
      (0..<count * 4).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    }
    var places: [TensorPlace] = []
    func put(_ rest: ArraySlice<[UInt8]>) throws -> (inline: [UInt8], memory: Int?) {
      guard let first = rest.first else {
        places.append(tensors.place(.f32, [answer]))
        return try tensors.put(in: file)
      }
      return try first.withUnsafeBytes { bytes in
        places.append(tensors.add(bytes, .f32, [first.count / 4]))
        return try put(rest.dropFirst())
      }
    }
    let (inline, memory) = try put(sources[...])
    return (places, inline, memory, file, sources)
  }

  @Test(arguments: [
    ([1], 1), ([0], 0), ([1, 1, 1, 1], 9), ([17, 33, 2_000], 2_000), ([8_192], 0), ([0, 8_192], 0),
    ([8_192], 1), ([4_000, 4_193], 1), ([1, 2, 3], 16_384), ([100_000, 3, 5], 7),
    ([300_000, 16, 16], 300_000),
  ])
  func `tensors stand aligned, inside and apart, few inline and many in memory`(
    counts: [Int], answer: Int
  ) throws {
    let (places, inline, memory, file, sources) = try places(counts, answer: answer)
    let total = (counts.reduce(0, +) + answer) * 4
    let isInline = total <= 32_768
    #expect(places.allSatisfy { $0.at == (isInline ? .inline : .memory) })
    #expect((memory == nil) == isInline)
    #expect(inline.isEmpty == (!isInline || total == answer * 4))
    #expect(inline.count <= ModelQuestion.inlineLimit)
    if let memory { #expect(memory == file.size) }
    for place in places { #expect(place.offset % (isInline ? 4 : 64) == 0, "\(place)") }
    let asked = isInline ? Array(places.dropLast()) : places
    for (index, place) in asked.enumerated() {
      #expect(place.offset >= 0 && place.offset + place.byteCount <= memory ?? inline.count)
      for other in asked[..<index] {
        #expect(
          other.offset + other.byteCount <= place.offset
            || place.offset + place.byteCount <= other.offset, "\(other) and \(place)")
      }
    }
    for (place, source) in zip(places, sources) {
      var found = [UInt8](repeating: 0, count: source.count)
      if isInline {
        found = Array(inline[place.offset..<place.offset + source.count])
      } else {
        found.withUnsafeMutableBytes { file.read(into: $0, at: place.offset) }
      }
      #expect(found == source)
    }
    // What the answer does not write is no number.
    if !isInline {
      let place = places[places.count - 1]
      var found = [UInt8](repeating: 0, count: place.byteCount)
      found.withUnsafeMutableBytes { file.read(into: $0, at: place.offset) }
      #expect(found.allSatisfy { $0 == 0xff })
    }
  }

  @Test func `the memory file only grows, and what it holds is read again`() throws {
    let file = try MemoryFile()
    var sizes: [Int] = []
    for count in [9_000, 2_000_000, 9_000, 3_000_000] {
      var tensors = MessageTensors(total: count * 4)
      let values = (0..<count).map { Float($0) }
      let place = try values.withUnsafeBytes { bytes in
        let place = tensors.add(bytes, .f32, [count])
        sizes.append(try #require(try tensors.put(in: file).memory))
        return place
      }
      var found = [Float](repeating: 0, count: count)
      found.withUnsafeMutableBytes { file.read(into: $0, at: place.offset) }
      #expect(found == values)
    }
    #expect(sizes == sizes.sorted())
  }

  @Test func `a question of a million prompts' text is refused and not sent`() throws {
    var question = ModelQuestion("prompts")
    question.prompts = [ModelQuestion.Prompt(id: 1, text: String(repeating: "x", count: 1 << 20))]
    let fault = #expect(throws: Fault.self) { try question.encoded() }
    #expect(fault?.kind == .unsuitable && fault?.outline.contains("longer than 1048576") == true)
  }
}
