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
      source: Self.source(host: hostName(), app: deployment.app),
      type: "dev.oneoff.deployment.\(occasion.rawValue).v1",
      subject: deployment.release, time: moment ?? deployment.started, data: deployment)
    return StoredJSON.text(event).dropLast()
  }

  /// A URI-reference that names the app on this machine, whose name may be anything.
  static func source(host: String, app: String) -> String {
    let marks = Array("-._~".utf8)
    let digits = Array("0123456789ABCDEF".utf8)
    let segment = host.utf8.flatMap { byte in
      byte.isAlphanumeric || marks.contains(byte)
        ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
    return "/oneoff/\(String(decoding: segment, as: UTF8.self))/apps/\(app)"
  }

  // MARK: GitHub

  /// A deployment status, as GitHub's REST API takes it.
  private struct GitHubStatus: Encodable {
    let state: String
    let description: String
    let log_url: String?
  }

  /// The most characters of a description there, counted so that every way to count has no more.
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
    guard line.utf16.count > Self.longestDescription else { return line }
    var shown = line
    // Whole characters, of which each may be several of Unicode's.
    while shown.utf16.count >= Self.longestDescription { shown.removeLast() }
    return shown + "…"
  }
}
