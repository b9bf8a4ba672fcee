import ContainerSpec
import Deploy
import SystemPackage

extension OptionGroup {
  /// Who is told of a deployment.
  static let notifications = OptionGroup(
    "Reports",
    [
      CommandOption(
        name: "notify", value: .init(metavariable: "URL"),
        help: "tell this address by POST that the deployment has begun, and how it ended",
        isRepeatable: true
      ) { options, value throws(SpecError) in
        options.notifications.targets.urls.append(try NotificationTargets.url(value))
      },
      CommandOption(
        name: "notify-secret-file", value: .init(metavariable: "FILE", completion: .files),
        help: "sign what --notify sends with the secret in the first line of this file"
      ) { options, value throws(SpecError) in
        options.notifications.secretFile = try FilePath(option: value)
      },
      CommandOption(
        name: "notify-exec", value: .init(metavariable: "COMMAND"),
        help: "a command for the host's shell that gets the same as its input",
        isRepeatable: true
      ) { options, value throws(SpecError) in
        guard !value.bytes.isEmpty else {
          throw SpecError("the command is empty", remedy: "leave --notify-exec out")
        }
        options.notifications.targets.commands.append(value)
      },
      CommandOption(
        name: "github", value: .init(metavariable: "OWNER/REPO"),
        help: "set the status of a deployment in this repository, with the token in GITHUB_TOKEN"
      ) { options, value throws(SpecError) in
        options.notifications.targets.repository = try NotificationTargets.repository(value)
      },
      CommandOption(
        name: "github-deployment", value: .init(metavariable: "ID"),
        help: "the number of that deployment"
      ) { options, value throws(SpecError) in
        guard let number = UInt64(value.description), number > 0 else {
          throw SpecError(
            "\(String(quoting: value.bytes)) is not the number of a deployment",
            remedy: "give the id that GitHub has returned when it was created")
        }
        options.notifications.targets.gitHubDeployment = number
      },
      CommandOption(
        name: "log-url", value: .init(metavariable: "URL"),
        help: "where the deployment's log can be read, for GitHub"
      ) { options, value throws(SpecError) in
        options.notifications.targets.logURL = try NotificationTargets.url(value)
      },
    ])
}

/// What the options say of reports.
struct NotificationOptions: Sendable {
  var targets = NotificationTargets()
  /// The file with the secret for signatures.
  var secretFile: FilePath?

  /// Whoever tells of the deployment; nil when nobody is to be told.
  ///
  /// - Parameter warn: takes why somebody cannot be told, where that is to stop nothing.
  /// - Throws: ``SpecError`` for options that do not go together, and, without `warn`, when
  ///   somebody cannot be told.
  func notifier(orWarn warn: ((String) -> Void)? = nil) throws(SpecError) -> Notifier? {
    var targets = targets
    // Also where nobody is told: half of a name is a mistake.
    _ = try targets.gitHub()
    guard secretFile == nil || !targets.urls.isEmpty else {
      throw SpecError(
        "--notify-secret-file signs what --notify sends, and there is none",
        remedy: "add --notify URL, or leave it out")
    }
    do throws(SpecError) {
      targets.secret = try secret()
    } catch {
      guard let warn else { throw error }
      warn("--notify tells nobody: \(error.message)")
      targets.urls = []
    }
    do throws(SpecError) {
      return try notifier(targets)
    } catch {
      guard let warn else { throw error }
      warn("GitHub is not told: \(error.message)")
      targets.forgetGitHub()
      return try notifier(targets)
    }
  }

  private func notifier(_ targets: NotificationTargets) throws(SpecError) -> Notifier? {
    targets.isEmpty
      ? nil : try Notifier(targets, userAgent: "oneoff/\(VersionVerb.version)")
  }

  private func secret() throws(SpecError) -> [UInt8]? {
    guard let secretFile else { return nil }
    let bytes = try readInput(secretFile, limit: 64 << 10, kind: "secret file")
    let secret = Array(bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") })
    guard !secret.isEmpty else {
      throw SpecError(
        "the first line of \(secretFile.string.onOneLine) is empty",
        remedy: "write the secret there")
    }
    return secret
  }
}
