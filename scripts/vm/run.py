"""Runs the integration tests in a virtual machine: run.py VARIANT [--filter PATTERN].

Prints what they print; its exit status is theirs, or 1 where the machine itself failed or is not as expected.
docs/kernels.md has the variants and what each of them skips; build/vm/VARIANT keeps the logs and what `oneoff doctor`
says there.
"""

import argparse
import io
import shlex
import sys
import tarfile

import expectation
import images
import machine

VARIANTS = {
    "v2": {"kernel": "6.1", "options": ""},
    "systemd": {"kernel": "6.1", "options": "oneoff.init=systemd"},
    "v1": {"kernel": "6.1", "options": "oneoff.cgroups=v1"},
    "newer": {"kernel": "6.12", "options": ""},
}
BUNDLE = ".build/debug/oneoffPackageTests.xctest"
EVERYTHING = "^IntegrationTests"
# In seconds: of a whole run, and without a sign of life; emulation takes its time.
LIMIT, SILENCE = 7200, 600


def parsed_arguments():
    parser = argparse.ArgumentParser(description="Runs the integration tests in a virtual machine.")
    parser.add_argument("variant", choices=VARIANTS)
    parser.add_argument("--filter", default=EVERYTHING, help="which tests, a pattern")
    parser.add_argument("--skip", help="which of them not, a pattern")
    parser.add_argument("--command", help="what to run instead, in the shell's language")
    parser.add_argument("--percent", default="25", help="of the usual repetitions (25)")
    parser.add_argument("--accept", action="store_true", help="take what doctor says for what is expected")
    parser.add_argument("--limit", type=int, default=LIMIT, help="seconds")
    return parser.parse_args()


def command_of(arguments):
    if arguments.command:
        return arguments.command
    command = [
        "env", f"ONEOFF_REPEAT_PERCENT={arguments.percent}", BUNDLE, "--testing-library", "swift-testing",
        "--no-parallel", "--filter", arguments.filter,
    ]
    if arguments.skip:
        command += ["--skip", arguments.skip]
    return shlex.join(command)


def results(listened):
    """The files that the machine handed over, by their names."""
    try:
        with tarfile.open(fileobj=io.BytesIO(listened.heard["results"])) as archive:
            members = [member for member in archive if member.isfile()]
            return {member.name.removeprefix("./"): archive.extractfile(member).read() for member in members}
    except tarfile.TarError:
        raise listened.failure("it went off without results") from None


def show(data):
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def run(arguments, directory):
    """Returns the exit status of what ran in the machine."""
    variant = VARIANTS[arguments.variant]
    kernel = images.kernel(variant["kernel"])
    base = images.base()
    initramfs = images.initramfs(kernel, directory / "initramfs.cpio")
    project = images.project(directory / "project.ext4", command_of(arguments))
    accelerator = machine.accelerator(kernel, initramfs)
    print(f"== machine {arguments.variant}: Linux {variant['kernel']}, {accelerator}", flush=True)
    # Changes to the disks go to files without a name.
    disks = [f"file={path},format=raw,if=virtio,snapshot=on" for path in (base, project)]
    options = f"oneoff.project={images.PROJECT} {variant['options']}"
    with machine.Machine(accelerator, kernel, initramfs, options, disks) as guest:
        try:
            guest.listen(arguments.limit, SILENCE, show)
        finally:
            (directory / "console.log").write_bytes(guest.heard["console"])
            (directory / "output.log").write_bytes(guest.heard["output"])
        handed = results(guest)
    for name, contents in handed.items():
        (directory / name).write_bytes(contents)
    faults = expectation.doctor_faults(arguments.variant, handed, arguments.accept)
    if not arguments.command:
        is_whole = arguments.filter == EVERYTHING and not arguments.skip
        output = guest.heard["output"].decode(errors="replace")
        faults += expectation.skip_faults(arguments.variant, output, is_whole)
    for fault in faults:
        print(f"vm-test: {fault}", file=sys.stderr)
    return int(handed["status"]) or bool(faults)


def main():
    machine.end_on_signals()
    arguments = parsed_arguments()
    with images.own_directory(arguments.variant) as directory:
        try:
            return run(arguments, directory)
        except machine.Failed as failure:
            print(f"vm-test: {failure}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
