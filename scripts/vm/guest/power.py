"""Inside of the machine whose power is cut: says what the last cut has left, and works until the next one.

On a disk with a journal, recorded runs and deployments of an app. A line is printed before each and, once `oneoff` has
ended, after it; the runner, which sees them, knows what had to be there at the next start.
"""

import json
import os
import pathlib
import re
import subprocess
import threading

DISK = pathlib.Path("/srv/disk")
STATE = DISK / "oneoff"
RELEASES = DISK / "releases"
ONEOFF = str(pathlib.Path("build/oneoff").resolve())
TINY = str(pathlib.Path("build/fixtures/tiny").resolve())
VERSIONS = [f"v{number}" for number in range(1, 5)]
# How many records of those that were looked at are kept, to be looked at again.
KEPT = 4


def oneoff(*arguments):
    return subprocess.run(
        [ONEOFF, *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False,
        env={**os.environ, "ONEOFF_STATE_DIR": str(STATE)})


def say(word, value):
    print(word, json.dumps(value), flush=True)


def parsed_lines(completed):
    return [json.loads(line) for line in completed.stdout.splitlines()]


def prepare():
    """The releases, once, on the disk before anything else."""
    for version in VERSIONS:
        directory = RELEASES / version
        if not directory.exists():
            directory.mkdir(parents=True)
            (directory / "Procfile").write_text("postdeploy: echo migrating; sleep 0.1\n")
    STATE.mkdir(mode=0o711, exist_ok=True)
    os.sync()


def record_as_it_is(run):
    """A run as `ps` has it, with what else can be read of it."""
    inspected = oneoff("inspect", run["id"])
    logs = oneoff("logs", run["id"])
    log = logs.stdout.decode(errors="replace").splitlines()
    return {
        "status": run["status"], "state": run["state"], "reason": run["reason"],
        "inspect": inspected.returncode, "logs": logs.returncode, "errors": (inspected.stderr + logs.stderr).decode(),
        "log_is_whole": log[:1] == ["begin"] and log[-1:] == ["end"],
    }


def look():
    """What is there, before anything is put in order by anybody but oneoff."""
    listed = oneoff("ps", "--all", "--json")
    runs = parsed_lines(listed)
    link = STATE / "apps/shop/current"
    found = {
        "ps": listed.returncode, "ps_errors": listed.stderr.decode(),
        "runs": {run["id"]: record_as_it_is(run) for run in runs},
        "current": os.path.basename(os.readlink(link)) if link.is_symlink() else None,
        "status": oneoff("status", "--app", "shop", "--json").returncode,
        "deploys": oneoff("deploys", "--app", "shop", "--json").returncode,
        "gc": oneoff("gc").returncode,
    }
    found["hidden"] = [path.name for path in STATE.glob("runs/.*")]
    again = oneoff("gc", "--dry-run").stdout.decode().splitlines()
    found["gc_again"] = [line for line in again if not line.startswith("0 ")]
    found["doctor"] = oneoff("doctor").returncode
    say("found", found)
    for run in runs[KEPT:]:
        oneoff("rm", run["id"])


def run_again_and_again(boot):
    number = 0
    while True:
        number += 1
        run = {"id": f"run-{boot}-{number}", "status": number % 5}
        say("begin-run", run)
        script = f"echo begin; probe lines {number * 37 % 500}; echo end; exit {run['status']}"
        done = oneoff("run", "--name", run["id"], "--rootfs", TINY, "--", "sh", "-c", script)
        say("done-run", run if done.returncode == run["status"] else {**run, "errors": done.stderr.decode()})


def deploy_again_and_again(boot):
    number = boot
    while True:
        number += 1
        version = VERSIONS[number % len(VERSIONS)]
        say("begin-deploy", version)
        done = oneoff(
            "deploy", "--app", "shop", "--release", version, "--rootfs", TINY, "--app-dir", str(RELEASES / version),
            "--boot", "true", "--activate", "true", "--retire", "true", "--abandon", "true")
        say("done-deploy", {"version": version, "status": done.returncode, "errors": done.stderr.decode()})


def main():
    boot = int(re.search(r"oneoff\.boot=(\d+)", pathlib.Path("/proc/cmdline").read_text())[1])
    DISK.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "ext4", "/dev/vdc", str(DISK)], check=True)
    prepare()
    look()
    say("works", boot)
    threads = [threading.Thread(target=work, args=(boot,)) for work in (run_again_and_again, deploy_again_and_again)]
    for thread in threads:
        thread.start()


main()
