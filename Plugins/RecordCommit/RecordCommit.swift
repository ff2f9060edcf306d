import Foundation
import PackagePlugin

/// Writes, before every build, which commit is being built; `scripts/generators/commit` finds it out.
@main struct RecordCommit: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) -> [Command] {
    let folder = context.pluginWorkDirectoryURL.appending(path: "Generated")
    return [
      .prebuildCommand(
        displayName: "Recording the commit", executable: URL(filePath: "/bin/sh"),
        arguments: [
          context.package.directoryURL.appending(path: "scripts/generators/commit").path,
          folder.path,
        ],
        outputFilesDirectory: folder)
    ]
  }
}
