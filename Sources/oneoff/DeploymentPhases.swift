import ContainerSpec
import Deploy
import LinuxSystem
import OneOff

/// The phases of a release that a deployment runs, looked up before anything begins.
struct DeploymentPhases {
  /// Before anything of the release runs; nil where it has none.
  let release: PreparedHook?
  /// Before it goes live; nil where it has none, or it is not wanted.
  let hook: PreparedHook?
  /// Entries of the release that may be slips of phases which it has not, in sentences.
  private(set) var slips: [String] = []
  /// The phases that have succeeded for this release.
  private let done: Set<String>

  /// Looks the phases up.
  ///
  /// - Parameters:
  ///   - done: those that have succeeded for this release.
  ///   - isFirst: whether no deployment of the app has succeeded yet.
  ///   - runsPhases: whether phases are wanted.
  /// - Throws: what is wrong with the release's files, or with the options.
  init(
    _ hook: Hook, _ options: Options, done: Set<String>, isFirst: Bool, runsPhases: Bool
  ) throws {
    self.done = done
    // Looked at in any case: a release without them was not put together to its end.
    let files = try readReleaseFiles(of: hook.appDirectory)
    if let manifest = files.manifest {
      // Also where no phase is run: what is started takes them as well.
      let given = try options.run.environment().variables
      try manifest.checkRequired(in: manifest.defaults() + given)
    }
    guard runsPhases else {
      (self.release, self.hook) = (nil, nil)
      return
    }
    var release = hook
    release.phase = .release
    self.release = try PreparedHook(release, files, options, isFirstDeployment: isFirst)
    self.hook = try PreparedHook(hook, files, options, isFirstDeployment: isFirst)
    let missing = [self.release == nil ? release.phase : nil, self.hook == nil ? hook.phase : nil]
    self.slips = missing.compactMap { $0 }.compactMap { files.absence(of: $0).slip }
  }

  /// Checks that they can be run, before anything is begun: the image is there, and the host can
  /// keep to the limits.
  ///
  /// - Parameter volumesMayCome: whether what is started before the hook may make its volumes.
  /// - Throws: as a run would.
  func checkThatTheyCanRun(volumesMayCome: Bool) throws {
    // Without root this process would enter namespaces, in which the platform's commands must not
    // run.
    guard effectiveOwner().uid == 0 else { return }
    if let release { _ = try describePlan(of: release.spec) }
    guard var spec = hook?.spec else { return }
    if volumesMayCome { spec.volumes = [] }
    _ = try describePlan(of: spec)
  }

  /// The steps that there are.
  var steps: Set<Deployment.Step> {
    var steps: Set<Deployment.Step> = []
    if release != nil { steps.insert(.release) }
    if hook != nil { steps.insert(.hook) }
    return steps
  }

  /// Whether a phase has succeeded for this release.
  func isDone(_ phase: String) -> Bool { done.contains(phase) }
}
