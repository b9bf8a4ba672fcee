// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

let cSettings: [CSetting] = [
  .define("_GNU_SOURCE"),
  .enableWarning("all"),
  .enableWarning("extra"),
  .enableWarning("conversion"),
  .enableWarning("switch-enum"),
  .treatAllWarnings(as: .error),
]

let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

let package = Package(
  name: "oneoff",
  products: [
    .library(name: "OneOff", targets: ["OneOff"]),
    .executable(name: "oneoff", targets: ["oneoff"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1")
  ],
  targets: [
    // libseccomp: its system call tables, and its compiler for profiles that users bring.
    .systemLibrary(
      name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
    // Docker's seccomp profile format, and its compilers: ours at build time, to an interval tree,
    // and libseccomp's at run time.
    .target(name: "SeccompPolicy", dependencies: ["CSeccomp"], swiftSettings: swiftSettings),
    // Writes Sources/CLaunch/seccomp_default.h from seccomp/default.json.
    .executableTarget(
      name: "seccomp-generate", dependencies: ["SeccompPolicy"], swiftSettings: swiftSettings),
    // Everything that runs between clone3(2) and execve(2), and PID 1 of the container.
    .target(name: "CLaunch", cSettings: cSettings),
    // getopt_long(3), which Swift's Glibc module leaves out.
    .systemLibrary(name: "CGetopt"),
    // Swift over the kernel; the only module that imports Glibc and CLaunch or writes `unsafe`, but
    // for what SeccompPolicy says to libseccomp.
    .target(
      name: "LinuxSystem", dependencies: ["CGetopt", "CLaunch", systemPackage],
      swiftSettings: swiftSettings),
    // The specification of a run and its validation: values only.
    .target(
      name: "ContainerSpec", dependencies: [systemPackage], swiftSettings: swiftSettings),
    // The product: OneOffContainer, spec -> plan, supervisor, log stream.
    .target(
      name: "OneOff",
      dependencies: ["ContainerSpec", "LinuxSystem", "SeccompPolicy", systemPackage],
      swiftSettings: swiftSettings),
    // Procfile, hook and deployment; knows nothing of namespaces.
    .target(
      name: "Deploy", dependencies: ["ContainerSpec", "LinuxSystem", "OneOff", systemPackage],
      swiftSettings: swiftSettings),
    // The command line, one file per verb.
    .executableTarget(
      name: "oneoff",
      dependencies: ["ContainerSpec", "Deploy", "LinuxSystem", "OneOff", systemPackage],
      swiftSettings: swiftSettings),

    .testTarget(
      name: "ContainerSpecTests", dependencies: ["ContainerSpec", systemPackage],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "SeccompPolicyTests", dependencies: ["CLaunch", "CSeccomp", "SeccompPolicy"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "DeployTests",
      dependencies: [
        "ContainerSpec", "Deploy", "LinuxSystem", "OneOff", "TestRequirements", systemPackage,
      ],
      exclude: ["Platforms"], swiftSettings: swiftSettings),
    .testTarget(
      name: "LinuxSystemTests", dependencies: ["LinuxSystem", "TestRequirements", systemPackage],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "OneOffTests",
      dependencies: [
        "ContainerSpec", "LinuxSystem", "OneOff", "SeccompPolicy", systemPackage,
      ],
      exclude: ["Goldens"], swiftSettings: swiftSettings),
    // The rules of the source tree itself: who imports what, how long a file may be.
    .testTarget(name: "TidyTests", swiftSettings: swiftSettings),
    .testTarget(
      name: "CommandLineTests",
      dependencies: [
        "ContainerSpec", "Deploy", "LinuxSystem", "TestRequirements", "oneoff", systemPackage,
      ],
      swiftSettings: swiftSettings),
    // The inputs of `make fuzz` once over; see docs/fuzzing.md.
    .testTarget(
      name: "FuzzTests",
      dependencies: [
        "ContainerSpec", "Deploy", "LinuxSystem", "OneOff", "SeccompPolicy", "oneoff",
        systemPackage,
      ],
      exclude: ["Corpus", "Dictionaries", "Fuzzer.swift"], swiftSettings: swiftSettings),
    // Drives the built program on the fixtures; see Tests/IntegrationTests/Program.swift.
    .testTarget(
      name: "IntegrationTests",
      dependencies: [
        "CLaunch", "ContainerSpec", "LinuxSystem", "OneOff", "TestRequirements", systemPackage,
      ],
      swiftSettings: swiftSettings),
    // What a test needs of the machine, and what becomes of it where that is missing.
    .target(
      name: "TestRequirements", path: "Tests/Requirements", swiftSettings: swiftSettings),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c17
)

// For `make fuzz`: one program around libFuzzer. An executable cannot depend on another one, so that
// the command line becomes a library.
if Context.environment["ONEOFF_FUZZ"] != nil {
  package.products = []
  package.targets.removeAll { $0.type == .test || $0.name == "oneoff" }
  package.targets += [
    .target(
      name: "oneoff",
      dependencies: ["ContainerSpec", "Deploy", "LinuxSystem", "OneOff", systemPackage],
      exclude: ["main.swift"], swiftSettings: swiftSettings),
    .systemLibrary(name: "CFuzzer", path: "Tests/CFuzzer"),
    .executableTarget(
      name: "oneoff-fuzz",
      dependencies: [
        "CFuzzer", "ContainerSpec", "Deploy", "LinuxSystem", "OneOff", "SeccompPolicy", "oneoff",
        systemPackage,
      ],
      path: "Tests/FuzzTests", exclude: ["Corpus", "CorpusTests.swift", "Dictionaries"],
      swiftSettings: swiftSettings),
  ]
}
