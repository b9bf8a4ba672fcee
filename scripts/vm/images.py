"""What machines are made of, below build/vm: kernels and the root file system, which are kept as long as their recipe
is the same, and the project, which is made for each machine.
"""

import contextlib
import fcntl
import hashlib
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
KEPT = PROJECT / "build/vm"


def recipe(*parts):
    """What a kept thing is made from, in a few letters: files, and words."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes() if isinstance(part, pathlib.Path) else part.encode())
    return digest.hexdigest()[:12]


def script(name, *arguments):
    subprocess.run(["sh", HERE / name, *arguments], check=True, stdin=subprocess.DEVNULL)


def kept(name, key, make):
    """The path of a thing with this recipe; what an older recipe made is removed."""
    path = KEPT / f"{name}-{key}"
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        for old in KEPT.glob(f"{name}-????????????*"):
            subprocess.run(["rm", "-rf", old], check=True)
        make(path)
    return path


def kernel(series):
    """The directory of a kernel of Debian's: vmlinuz, and modules."""
    return kept(
        f"kernel-{series}", recipe(HERE / "kernel.sh", series),
        lambda path: script("kernel.sh", series, path))


def base():
    """The root file system, of the host's release and its packages' list."""
    release = pathlib.Path("/etc/os-release").read_text()
    key = recipe(HERE / "base.sh", PROJECT / "rootfs-fixtures/build-rails.sh", release)
    return kept("base", key, lambda path: script("base.sh", path))


def initramfs(kernel_directory, path):
    script("initramfs.sh", kernel_directory, path)
    return path


def project(path, command):
    """The project, with what is done there in the shell's language."""
    script("project.sh", path, command)
    return path


@contextlib.contextmanager
def own_directory(name):
    """A machine's directory below build/vm, for one at a time; its images are gone at the end."""
    directory = KEPT / name
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"vm-test: another machine {name} is running")
        for old in directory.iterdir():
            if old.name != "lock":
                subprocess.run(["rm", "-rf", old], check=True)
        try:
            yield directory
        finally:
            for pattern in ("*.ext4*", "*.cpio*"):
                for image in directory.glob(pattern):
                    subprocess.run(["rm", "-rf", image], check=True)
