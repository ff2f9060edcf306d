/// The names that ``task(named:)`` knows.
package let taskNames = ["shapes", "density"]

/// The task with this name, or nil.
package func task(named name: String) -> (any Task)? {
  switch name {
  case "shapes": Shapes()
  case "density": Density()
  default: nil
  }
}
