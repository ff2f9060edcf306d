/// What an error says; `taken` where there is none.
package func sentence<Value>(_ body: () throws -> Value) -> String {
  do {
    _ = try body()
    return "taken"
  } catch {
    return "\(error)"
  }
}
