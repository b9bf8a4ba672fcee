import ContainerSpec
import Deploy
import SystemPackage

extension OptionGroup {
  /// The options of `hook` alone.
  static let ofHook = OptionGroup(
    "App",
    [
      CommandOption(
        name: "app-dir", value: .init(metavariable: "DIR", completion: .directories),
        help: "the app's release, with its Procfile or app manifest; it is only read"
      ) { options, value throws(SpecError) in
        options.hook.appDirectory = try FilePath(option: value)
      },
      CommandOption(
        name: "mount-at", value: .init(metavariable: "DIR"),
        help: "where the command sees the release", defaultText: "/app"
      ) { options, value throws(SpecError) in
        options.hook.mountPoint = try FilePath(
          destination: value.bytes[...], of: "the app directory")
      },
      CommandOption(
        name: "phase", value: .init(metavariable: "NAME"),
        help: "which command of the release to run: an entry of the Procfile, or of the manifest "
          + "postdeploy, first-deploy, pr-predestroy, dokku-predeploy or dokku-postdeploy",
        defaultText: "postdeploy"
      ) { options, value throws(SpecError) in
        options.hook.phase = try Phase(parsing: value)
      },
      CommandOption(
        name: "app", value: .init(metavariable: "NAME"),
        help: "the app's name, as APP", defaultText: "the name of its directory"
      ) { options, value in options.hook.app = value.description },
      CommandOption(
        name: "container-version", value: .init(metavariable: "VERSION"),
        help: "the release's version, as CONTAINER_VERSION"
      ) { options, value in options.hook.containerVersion = value.description },
      CommandOption(
        name: "source-version", value: .init(metavariable: "REVISION"),
        help: "the revision of the sources that the release was built from, as SOURCE_VERSION"
      ) { options, value in options.hook.sourceVersion = value.description },
      CommandOption(
        name: "stack", value: .init(metavariable: "NAME"),
        help: "what the image is called on your platform, as STACK"
      ) { options, value in options.hook.stack = value.description },
      .noRecord,
    ])
}
