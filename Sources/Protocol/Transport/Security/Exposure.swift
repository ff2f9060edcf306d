package import Glibc

/// Whether a file's mode lets others than this process read a secret in it.
///
/// The owner alone may. One exception: a file of root that a group other than root's may read, and no more, where
/// this process is in that group. So does Kubernetes hand secrets to a container that is not root (`fsGroup`), which
/// could not give them another mode.
package struct Exposure: Sendable {
  /// That this process is in.
  package let groups: Set<gid_t>

  package init(groups: Set<gid_t>) { self.groups = groups }

  static var ofThisProcess: Exposure {
    let count = getgroups(0, nil)
    var groups = [gid_t](repeating: 0, count: max(0, Int(count)))
    let found = getgroups(CInt(groups.count), &groups)
    return Exposure(groups: Set(groups.prefix(max(0, Int(found)))).union([getegid()]))
  }

  package func exposes(_ status: stat) -> Bool {
    exposes(mode: status.st_mode, owner: status.st_uid, group: status.st_gid)
  }

  package func exposes(mode: mode_t, owner: uid_t, group: gid_t) -> Bool {
    let others = mode & 0o077
    guard others != 0 else { return false }
    return !(others == 0o040 && owner == 0 && group != 0 && groups.contains(group))
  }
}
