import ContainerSpec
import LinuxSystem
import Testing

@testable import OneOff

@Suite struct ResourceLimitPlanTests {
  @Test(arguments: ResourceLimit.Resource.allCases)
  func everyResourceHasTheSameNameInSpecificationAndPlan(_ resource: ResourceLimit.Resource) {
    #expect(LaunchPlan.ResourceLimit(resource).name == resource.rawValue)
  }

  private func limits(_ given: [ResourceLimit]) throws -> [LaunchPlan.Operation] {
    let spec = Sample.spec { $0.resourceLimits = given }
    return LaunchSequence(try Sample.subject(spec)).plan.command.filter { operation in
      switch operation {
      case .setResourceLimit, .fixResourceLimit: true
      default: false
      }
    }
  }

  @Test func aGivenLimitTakesThePlaceOfTheBuiltInOne() throws {
    let plain = try limits([])
    let changed = try limits([ResourceLimit(.openFiles, soft: 8, hard: 9)])
    #expect(plain.contains(.setResourceLimit(.openFiles, soft: 1024, hard: 65536)))
    #expect(!changed.contains(.setResourceLimit(.openFiles, soft: 1024, hard: 65536)))
    #expect(changed.last == .fixResourceLimit(.openFiles, soft: 8, hard: 9))
    #expect(changed.count == plain.count)
  }

  @Test(arguments: [(0, 5, true), (5, 5, true), (10, 5, false), (0, -1, false)])
  func whoSetsTheNicenessDependsOnWhoMay(caller: Int32, wanted: Int32, isCommand: Bool) throws {
    var subject = try Sample.subject(Sample.spec { $0.niceness = wanted })
    subject.callerNiceness = caller
    let plan = LaunchSequence(subject).plan
    #expect(plan.command.contains(.setNiceness(wanted)) == isCommand)
    #expect(plan.setup.contains(.setNiceness(wanted)) != isCommand)
  }
}
