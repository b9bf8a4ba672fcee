import ContainerSpec
import LinuxSystem
import OneOff

/// What others are told of a deployment.
package struct DeploymentReport: Sendable, Hashable {
  /// What they are told about.
  package enum Occasion: String, Sendable, Hashable {
    case started, finished
  }

  private let deployment: Deployment
  private let occasion: Occasion

  package init(_ deployment: Deployment, _ occasion: Occasion) {
    self.deployment = deployment
    self.occasion = occasion
  }

  // MARK: CloudEvents

  /// An event in the JSON format of CloudEvents 1.0. The same deployment and occasion make the same
  /// id, so that whoever gets an event twice knows.
  private struct CloudEvent: Encodable {
    let specversion = "1.0"
    let id: String
    let source: String
    let type: String
    let subject: String
    let time: String
    let datacontenttype = "application/json"
    let data: Deployment
  }

  /// The media type of ``cloudEvent``.
  package static let mediaType = "application/cloudevents+json; charset=utf-8"

  /// The report as a CloudEvent, in JSON on one line.
  package var cloudEvent: [UInt8] {
    let moment = occasion == .finished ? deployment.finished : deployment.started
    let event = CloudEvent(
      id: "\(deployment.number)-\(occasion.rawValue)-\(deployment.started)",
      source: "/oneoff/\(hostName())/apps/\(deployment.app)",
      type: "dev.oneoff.deployment.\(occasion.rawValue).v1",
      subject: deployment.release, time: moment ?? deployment.started, data: deployment)
    return StoredJSON.text(event).dropLast()
  }

  // MARK: GitHub

  /// A deployment status, as GitHub's REST API takes it.
  private struct GitHubStatus: Encodable {
    let state: String
    let description: String
    let log_url: String?
  }

  /// The most characters of a description there.
  package static let longestDescription = 140

  /// The report as the body of a deployment status of GitHub's.
  package func gitHubStatus(logURL: String?) -> [UInt8] {
    StoredJSON.text(
      GitHubStatus(state: gitHubState, description: description, log_url: logURL)
    ).dropLast()
  }

  private var gitHubState: String {
    guard occasion == .finished else { return "in_progress" }
    switch deployment.state {
    case .success: return "success"
    // oneoff itself could not go on, or was told not to.
    case .aborted, .interrupted, .starting: return "error"
    default: return "failure"
    }
  }

  private var description: String {
    let text =
      if occasion == .started {
        "Deploying \(deployment.release)"
      } else if deployment.state
        == .success
      { "\(deployment.release) is live" } else {
        "\(deployment.release): \(deployment.state.rawValue): \(deployment.message ?? "it failed")"
      }
    let line = text.onOneLine
    guard line.count > Self.longestDescription else { return line }
    return line.prefix(Self.longestDescription - 1) + "…"
  }
}
