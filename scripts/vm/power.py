"""Cuts a machine's power at random moments while it records runs and deploys: power.py [CUTS [SEED]].

After each cut the machine is started again with the same disk, and what is found there is compared with what was done:
every record can be read, no status is wrong, `current` is the release that was deployed last, nothing has to be put in
order by hand. The last start is not cut. Exit status 1 where something was lost.
"""

import json
import random
import subprocess
import sys

import images
import machine

# In seconds: for a start, which checks what is there, and at most of work before the cut.
START, WORK = 300, 12


class Ledger:
    """What the machine has begun and finished, as far as anybody could know."""

    def __init__(self):
        self.runs, self.begun = {}, {}
        self.live, self.deploying = None, None
        self.figures = dict.fromkeys(("cuts", "runs", "runs cut", "deployments", "deployments cut"), 0)
        self.faults = []

    def note(self, heard):
        """Takes the lines that a machine has said since its work began."""
        for line in heard.decode(errors="replace").split("\n")[:-1]:
            word, _, value = line.partition(" ")
            if word in ("begin-run", "done-run", "begin-deploy", "done-deploy"):
                getattr(self, word.replace("-", "_"))(json.loads(value))
        self.figures["cuts"] += 1
        self.figures["runs cut"] += len(self.begun)
        self.figures["deployments cut"] += self.deploying is not None

    def begin_run(self, run):
        self.begun[run["id"]] = run["status"]

    def done_run(self, run):
        self.runs[run["id"]] = self.begun.pop(run["id"])
        self.figures["runs"] += 1
        if "errors" in run:
            self.faults.append(f"{run['id']} ended otherwise: {run['errors']}")

    def begin_deploy(self, version):
        self.deploying = version

    def done_deploy(self, done):
        self.figures["deployments"] += 1
        if done["status"] == 0:
            self.live = done["version"]
        else:
            self.faults.append(f"{done['version']} was not deployed: {done}")
        self.deploying = None

    def compare(self, found):
        """Compares what is found after a cut with what was done before."""
        for what in ("ps", "gc", "doctor") + (("status", "deploys") if self.live else ()):
            if found[what] != 0:
                self.faults.append(f"{what} ends with {found[what]}: {found.get(what + '_errors', '')}")
        if found["hidden"] or found["gc_again"]:
            self.faults.append(f"gc leaves {found['hidden']} {found['gc_again']}")
        if found["current"] not in (self.live, self.deploying):
            self.faults.append(f"current is {found['current']}; done: {self.live}, begun: {self.deploying}")
        for name, status in self.runs.items():
            if name not in found["runs"]:
                self.faults.append(f"{name} had ended, and has no record")
            elif found["runs"][name]["status"] != status:
                self.faults.append(f"{name} had ended with {status}: {found['runs'][name]}")
        for name, run in found["runs"].items():
            if run["inspect"] != 0 or run["logs"] != 0:
                self.faults.append(f"{name} cannot be read: {run}")
            if name in self.begun and (run["state"], run["status"]) not in (("lost", 137), ("ended", self.begun[name])):
                self.faults.append(f"{name}, which was cut, is {run}")
        # What is not cut twice may be removed meanwhile; a deployment that was begun may have switched.
        self.runs, self.begun = {}, {}
        self.live, self.deploying = found["current"], None


def start(accelerator, parts, boot):
    kernel, initramfs, base, project, disk = parts
    disks = [f"file={path},format=raw,if=virtio,snapshot=on" for path in (base, project)]
    disks.append(f"file={disk},format=raw,if=virtio,cache=writeback")
    options = f"oneoff.project={images.PROJECT} oneoff.boot={boot}"
    return machine.Machine(accelerator, kernel, initramfs, options, disks, memory="2048M")


def found_by(guest):
    """What a started machine says that it has found, once it works."""
    try:
        guest.listen(START, START, until=b"works ")
    except machine.Failed:
        print(guest.heard["output"].decode(errors="replace"))
        raise
    lines = guest.heard["output"].decode(errors="replace").split("\n")
    return json.loads(next(line for line in lines if line.startswith("found ")).removeprefix("found "))


def run(directory, cuts, numbers):
    kernel, base = images.kernel("6.1"), images.base()
    initramfs = images.initramfs(kernel, directory / "initramfs.cpio")
    project = images.project(directory / "project.ext4", "python3 scripts/vm/guest/power.py")
    disk = directory / "disk.ext4"
    disk.unlink(missing_ok=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", disk, "512M"], check=True, stdout=subprocess.DEVNULL)
    accelerator = machine.accelerator(kernel, initramfs)
    ledger = Ledger()
    for boot in range(cuts + 1):
        with start(accelerator, (kernel, initramfs, base, project, disk), boot) as guest:
            before = len(ledger.faults)
            ledger.compare(found_by(guest))
            for fault in ledger.faults[before:]:
                print(f"power: start {boot}: {fault}", flush=True)
            if boot == cuts:
                break
            seconds = numbers.uniform(0.05, WORK)
            try:
                guest.listen(seconds, seconds)
            except machine.Failed:
                pass
            guest.cut_power()
            ledger.note(guest.heard["output"])
            print(f"power: cut {boot + 1} of {cuts} after {seconds:.2f} s of work", flush=True)
    checked = subprocess.run(["e2fsck", "-fn", disk], capture_output=True, text=True, check=False)
    # The last machine was stopped, too: its journal is not replayed.
    print("power: e2fsck: " + checked.stdout.strip().splitlines()[-1])
    print("power: " + ", ".join(f"{number} {name}" for name, number in ledger.figures.items()))
    return 1 if ledger.faults else 0


def main():
    machine.end_on_signals()
    cuts = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    print(f"power: {cuts} cuts, seed {seed}", flush=True)
    with images.own_directory("power") as directory:
        try:
            return run(directory, cuts, random.Random(seed))
        except machine.Failed as failure:
            print(f"power: {failure}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
