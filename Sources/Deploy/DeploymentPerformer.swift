/// Whoever does the steps of a deployment. The link is switched by the deployer.
package protocol DeploymentPerformer: AnyObject {
  /// The steps that there are; ``Deployment/Step/current`` always is one.
  var steps: Set<Deployment.Step> { get }

  /// The signal that has asked for the end; nil as long as none has.
  var cancellation: Int32? { get }

  /// Notes what can be known of a step before it begins, such as which run it will be.
  func announce(_ step: Deployment.Step, in deployment: inout Deployment)

  /// Does a step, or all that is to be done before the link is switched; returns why it has failed,
  /// or nil. How phases have ended is noted.
  func perform(
    _ step: Deployment.Step, of deployment: inout Deployment
  ) -> DeploymentProgress.Failure?

  /// The release is live.
  func wentLive(_ deployment: Deployment)

  /// The deployment is at another step, or at its end.
  func advanced(_ deployment: Deployment)
}
