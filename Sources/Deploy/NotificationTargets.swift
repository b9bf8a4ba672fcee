package import ContainerSpec
import LinuxSystem

/// Who is told of a deployment.
package struct NotificationTargets: Sendable, Hashable {
  /// A deployment of GitHub's.
  package struct GitHub: Sendable, Hashable {
    /// `OWNER/REPO`.
    package var repository: String
    /// The deployment's number there.
    package var deployment: UInt64

    package init(repository: String, deployment: UInt64) {
      self.repository = repository
      self.deployment = deployment
    }
  }

  /// URLs that get a CloudEvent by POST.
  package var urls: [String] = []
  /// By which they know that it is from here; nil for no signature.
  package var secret: [UInt8]?
  /// Commands of the host's that get a CloudEvent as input.
  package var commands: [ByteString] = []
  /// `OWNER/REPO` on GitHub.
  package var repository: String?
  /// The number of the deployment on GitHub.
  package var gitHubDeployment: UInt64?
  /// Where the log can be read.
  package var logURL: String?

  package init() {}

  /// Leaves GitHub out.
  package mutating func forgetGitHub() {
    repository = nil
    gitHubDeployment = nil
    logURL = nil
  }

  /// Whether nobody is.
  package var isEmpty: Bool { urls.isEmpty && commands.isEmpty && repository == nil }

  /// Checks a URL.
  ///
  /// - Throws: ``SpecError`` for what is none of http or https, and for blanks and control
  ///   characters in it.
  package static func url(_ text: ByteString) throws(SpecError) -> String {
    let url = text.description
    let rest = ["http://", "https://"].first { url.hasPrefix($0) }.map { url.dropFirst($0.count) }
    guard let rest, let first = rest.first, first != "/",
      url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
    else {
      throw SpecError(
        // A part of it may be secret.
        "that is no URL of http or https",
        remedy: "write it as https://example.org/hooks/deployments, with %20 for blanks")
    }
    return url
  }

  /// Checks the name of a repository.
  ///
  /// - Throws: ``SpecError`` for what is not `OWNER/REPO`.
  package static func repository(_ text: ByteString) throws(SpecError) -> String {
    let parts = text.description.split(separator: "/", omittingEmptySubsequences: false)
    let marks = Array("-_.".utf8)
    let areNames = parts.allSatisfy { part in
      !part.isEmpty && part != "." && part != ".."
        && part.utf8.allSatisfy { $0.isAlphanumeric || marks.contains($0) }
    }
    guard parts.count == 2, areNames else {
      throw SpecError(
        "\(String(quoting: text.bytes)) is no repository of GitHub's",
        remedy: "write it as OWNER/REPO, such as octocat/hello-world")
    }
    return text.description
  }

  /// The deployment on GitHub; nil when none is named.
  ///
  /// - Throws: ``SpecError`` when one half of its name is missing, or all of it where something is
  ///   said for it.
  package func gitHub() throws(SpecError) -> GitHub? {
    switch (repository, gitHubDeployment) {
    case (nil, nil):
      guard logURL == nil else {
        throw SpecError(
          "--log-url is for a deployment on GitHub, and none is named",
          remedy: "add --github OWNER/REPO and --github-deployment ID, or leave it out")
      }
      return nil
    case (let repository?, let deployment?):
      return GitHub(repository: repository, deployment: deployment)
    case (nil, _):
      throw SpecError(
        "--github-deployment takes the repository, too", remedy: "add --github OWNER/REPO")
    case (_, nil):
      throw SpecError(
        "--github takes the deployment, too",
        remedy: "add --github-deployment ID, which creating it has returned")
    }
  }
}
