"""What is expected of a machine: which tests it skips, as docs/kernels.md names them, and what `oneoff doctor` finds."""

import json
import re

import images

PAGE = images.PROJECT / "docs/kernels.md"
EXPECTED = images.HERE / "expected"
# What Swift Testing prints of a test, of a suite, and of one case of a test.
SKIPPED = re.compile(r'^➜ (?:Test|Suite) (.*?)(?: with \d+ test cases?)? (?:skipped|was cancelled)', re.MULTILINE)
# Checks whose figures are the machine's size and load.
FIGURES = {
    "disk-scratch", "slots", "namespace-limits", "mount-limit", "process-limit", "inotify-limits",
}


def named_skips(variant):
    """The tests and suites that the page says are skipped there: rows of `| `test`, … | variants | reason |`."""
    named = set()
    for row in re.finditer(r"^\| (`[^|]+`) \| ([^|]+) \| [^|]+ \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE):
        if {word.strip() for word in row[2].split(",")} & {variant, "all"}:
            named.update(re.findall("`([^`]+)`", row[1]))
    return named


def skip_faults(variant, output, is_whole):
    """What the tests skipped and the page does not name; in a whole run also what it names in vain."""
    skipped = set(SKIPPED.findall(output))
    named = named_skips(variant)
    faults = [f"{test} was skipped, and docs/kernels.md does not say so" for test in sorted(skipped - named)]
    if is_whole:
        faults += [f"docs/kernels.md says that {test} is skipped, and it was not" for test in sorted(named - skipped)]
    return faults


def settled(report):
    """A report of doctor's without what differs from one start of a machine to the next."""
    checks = {}
    for check in json.loads(report)["checks"]:
        detail = check["detail"]
        if check["name"] in FIGURES:
            detail = re.sub(r"\d+(\.\d+)?( [kMG]B)?", "N", detail)
        if check["name"] == "kernel":
            detail = ".".join(detail.split(".")[:2])
        checks[check["name"]] = f"{check['status']}: {detail}"
    return checks


def doctor_faults(variant, handed, accept):
    """How what doctor says differs from what is expected, as root and as an ordinary user."""
    faults = []
    for name in ("doctor", "doctor-user"):
        found = settled(handed[f"{name}.json"])
        path = EXPECTED / f"{variant}-{name}.json"
        if accept:
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            continue
        wanted = json.loads(path.read_text(encoding="utf-8"))
        for check in sorted(found.keys() | wanted.keys()):
            if found.get(check) != wanted.get(check):
                faults.append(f"{name}: {check} is “{found.get(check)}”, expected “{wanted.get(check)}”")
    return faults
