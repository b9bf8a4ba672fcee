import Foundation
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// What a run has changed, as its result and `--changes` tell it.
  @Suite struct ChangesTests {
    private struct Report: Decodable {
      struct Summary: Decodable, Equatable {
        var created = 0
        var modified = 0
        var deleted = 0
        var bytes = 0
        var paths: [String] = []
        var truncated = false
        var complete = true
      }
      struct Result: Decodable {
        var changes: Summary?
        var finished: String
      }
      struct Event: Decodable {
        var event: String
        var code: String?
        var text: String?
        var time: String?
        var result: Result?
      }
      struct Line: Decodable, Hashable {
        var change: String
        var path: String?
        var path_base64: String?
        var type: String?
        var bytes: Int?
        var from: String?
      }

      var summary: Summary?
      var events: [Event]
      var lines: [Line]

      var warnings: [Event] { events.filter { $0.event == "warning" } }

      /// `change path` of every line.
      var changes: Set<String> { Set(lines.map { "\($0.change) \($0.path ?? "?")" }) }
    }

    private func report(
      _ script: String, options: [String] = [], verb: [String]? = nil
    ) throws -> Report {
      let events = Workspace.current.path.appending("files/events").string
      let list = Workspace.current.path.appending("files/changes").string
      let outputs = ["--events", events, "--changes", list]
      let result =
        if let verb {
          try perform(verb + outputs)
        } else {
          try shell(options + outputs, script)
        }
      #expect(result.status == 0, "\(result.errors)")
      let all = try decodedLines(ofFile: events, as: Report.Event.self)
      return Report(
        summary: all.last?.result?.changes, events: all,
        lines: try decodedLines(ofFile: list, as: Report.Line.self))
    }

    @Test func nothingIsChangedByACommandThatWritesNothing() throws {
      let report = try report("true", options: ["--tmpfs", "/cache/deep", "-v", "/usr:/srv/usr"])
      #expect(report.summary == Report.Summary())
      #expect(report.lines.isEmpty)
    }

    @Test func eachKindOfChangeIsTold() throws {
      let report = try report(
        """
        printf 12345 >/home/new; printf 67 >>/etc/group; rm /bin/vi; mkdir /home/directory
        ln -s /etc /home/link; mkfifo /home/pipe; chmod 700 /var; echo x >/etc/hosts
        """)
      #expect(
        report.changes == [
          "created /home/new", "modified /etc/group", "deleted /bin/vi",
          "created /home/directory", "created /home/link", "created /home/pipe", "modified /var",
        ])
      let summary = try #require(report.summary)
      #expect(summary.created == 4)
      #expect(summary.modified == 2)
      #expect(summary.deleted == 1)
      let group = try FileManager.default.attributesOfItem(atPath: Built.tiny + "/etc/group")
      #expect(summary.bytes == 5 + 2 + (group[.size] as? Int ?? 0))
      #expect(Set(summary.paths) == Set(report.lines.compactMap(\.path)))
      #expect(!summary.truncated)
      let types = Dictionary(
        uniqueKeysWithValues: report.lines.map { ($0.path ?? "", $0.type ?? "none") })
      #expect(types["/home/link"] == "link")
      #expect(types["/home/pipe"] == "pipe")
      #expect(types["/var"] == "directory")
      #expect(types["/bin/vi"] == "none")
    }

    /// The seconds since midnight of a time as events have it.
    private func seconds(_ time: String) throws -> Double {
      let parts = time.dropFirst(11).dropLast().split(separator: ":").compactMap { Double($0) }
      try #require(parts.count == 3)
      return parts[0] * 3600 + parts[1] * 60 + parts[2]
    }

    @Test func directoryThatWasMovedIsCreatedFromItsOldPlace() throws {
      let report = try report(
        "mv /data /home/moved; echo x >/home/moved/a; rm /home/moved/b",
        options: Workspace.current.dataLayer("a", "b", "deeper/c", "deeper/d"))
      #expect(
        report.changes == [
          "created /home/moved", "deleted /data", "modified /home/moved/a", "deleted /home/moved/b",
        ])
      #expect(report.lines.first { $0.path == "/home/moved" }?.from == "/data")
    }

    @Test func directoryThatWasMadeAnewLacksWhatItHad() throws {
      let report = try report(
        "rm -r /data; mkdir -p /data/deeper; echo x >/data/a; echo y >/data/deeper/d",
        options: Workspace.current.dataLayer("a", "b", "deeper/c", "deeper/d"))
      #expect(
        report.changes == [
          "modified /data/a", "deleted /data/b", "deleted /data/deeper/c",
          "modified /data/deeper/d",
        ])
    }

    @Test func nameThatIsNotUTF8IsToldAsItIs() throws {
      let report = try report(#"touch "/home/$(printf 'a\nb\377')""#)
      #expect(
        report.lines.map(\.path_base64) == [
          Data(Array("/home/a\nb".utf8) + [0xff]).base64EncodedString()
        ])
    }

    @Test func linksOfTheCommandAreNotFollowed() throws {
      // Where a layer has a link, the command has made a directory, and the other way round.
      let layer = try Workspace.current.make("layer")
      try FileManager.default.createSymbolicLink(
        atPath: layer + "/trap", withDestinationPath: Built.tiny + "/etc")
      let report = try report(
        "rm /trap; mkdir /trap; touch /trap/passwd; rm -r /home; ln -s /usr /home",
        options: ["--layer", layer])
      #expect(
        report.changes == ["modified /trap", "created /trap/passwd", "modified /home"])
    }

    @Test func treeThatIsDeeperThanAnyPathEnds() throws {
      let report = try report(
        """
        name=$(printf '%0200d' 0)
        path=$name/$name/$name/$name/$name/$name/$name/$name/$name/$name/$name/$name/$name/$name
        mkdir -p /home/a/$path /home/b/$path; mv /home/b /home/a/$path
        """)
      let summary = try #require(report.summary)
      #expect(!summary.complete)
      // Those of 31 directories whose parent has a path that can be opened.
      #expect((20..<30).contains(summary.created))
    }

    @Test(.requires(.realProcessor)) func manyChangesAreCountedQuickly() throws {
      let report = try report(
        """
        mkdir /home/many; cd /home/many; n=0
        while [ $n -lt 100 ]; do mkdir $n; (cd $n; seq 1000 | xargs touch); n=$((n+1)); done
        echo done
        """, options: ["--scratch", "1G"])
      let summary = try #require(report.summary)
      #expect(summary.created == 100_101)
      #expect(report.lines.count == 100_101)
      #expect(summary.paths.count == 20)
      #expect(summary.truncated)
      // From the command's last word to the end.
      let last = try #require(report.events.last { $0.event == "log" }?.time)
      let finished = try #require(report.events.last?.result?.finished)
      #expect(try seconds(finished) - seconds(last) < 1)
    }

    @Test func assetsThatAHookBuildsAreWarnedOf() throws {
      let app = try Workspace.current.make("app")
      try "postdeploy: mkdir -p public/assets tmp && touch tmp/a public/assets/a public/assets/b\n"
        .write(toFile: app + "/Procfile", atomically: true, encoding: .utf8)
      let report = try report(
        "", verb: ["hook", "--rootfs", Built.tiny, "--app-dir", app, "--network", "none"])
      #expect(report.changes.contains("created /app/public/assets/a"))
      #expect(report.warnings.map(\.code) == ["discarded-changes"])
      #expect(
        report.warnings.first?.text?.hasPrefix("2 files below /app/public/assets went with") == true
      )
      let target = Workspace.current.path.appending("assets")
      let exported = try self.report(
        "",
        verb: [
          "hook", "--rootfs", Built.tiny, "--app-dir", app, "--network", "none",
          "--export", "/app/public/assets=\(target)",
        ])
      #expect(exported.warnings.map(\.code) == [])
    }
  }
}
