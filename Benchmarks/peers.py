"""The peers as their users run them, each with the same root file system and the same command."""

import atexit
import json
import os
import re
import shutil
import subprocess

from measure import ROOT, TINY, TRUE, Command, fail, first_line

FLOOR = f"{ROOT}/build/floor/floor"

# crun 1.8 refuses a host with cgroups of both versions: it sees a mount namespace that shows version 2 only.
CGROUP2_ONLY = [
    "unshare", "--mount", "sh", "-c",
    'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"', "sh"]


def has_both_cgroup_versions():
    with open("/proc/self/mounts", encoding="utf-8") as file:
        kinds = {line.split()[2] for line in file}
    return {"cgroup", "cgroup2"} <= kinds


def cgroup2_mounts():
    """The descriptor of a mount namespace that shows version 2 only; None where the host's does."""
    if not has_both_cgroup_versions():
        return None
    holder = subprocess.Popen([*CGROUP2_ONLY, "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdout.readline()
    mounts = os.open(f"/proc/{holder.pid}/ns/mnt", os.O_RDONLY)
    holder.stdin.close()
    holder.wait()
    return mounts


def root_file_system(work):
    """A copy of the tiny root file system to which the peers may add what they need."""
    root = f"{work}/peers-rootfs"
    if not os.path.exists(root):
        shutil.copytree(TINY, root, symlinks=True)
        for directory in ("dev", "proc", "sys", "run"):
            os.makedirs(f"{root}/{directory}", exist_ok=True)
        # systemd-nspawn wants to see that it is one.
        with open(f"{root}/etc/os-release", "w", encoding="ascii") as file:
            file.write("ID=tiny\n")
    return root


# The floor.


class FloorCgroups:
    """cgroups for the floor, of the kinds that a run of oneoff has; gone when the benchmark ends.

    With version 2 every run has one; with version 1 those with limits, one for each controller.
    """

    V1 = {"memory": [("memory.limit_in_bytes", "268435456")], "pids": [("pids.max", "256")],
          "cpu": [("cpu.cfs_quota_us", "100000")]}
    V2 = {"memory": ("memory.max", "268435456"), "pids": ("pids.max", "256"), "cpu": ("cpu.max", "100000 100000")}

    def __init__(self):
        self.made, self.usual, self.limited = [], [], []
        if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
            self._make_v2("/sys/fs/cgroup", "/sys/fs/cgroup/oneoff-floor")
        elif all(os.path.isdir(f"/sys/fs/cgroup/{controller}") for controller in self.V1):
            for controller, settings in self.V1.items():
                parent = f"/sys/fs/cgroup/{controller}/oneoff-floor"
                self._make(parent)
                self.limited += ["--cgroup", parent]
                for file, value in settings:
                    self.limited += ["--set", file, value]
        atexit.register(self.remove)

    def _make(self, parent):
        os.makedirs(parent, exist_ok=True)
        self.made.append(parent)

    def _make_v2(self, root, parent):
        self._make(parent)
        self.usual = self.limited = ["--cgroup", parent]
        with open(f"{root}/cgroup.controllers", encoding="ascii") as file:
            if not set(self.V2) <= set(file.read().split()):
                self.limited = []
                return
        for directory in (root, parent):
            with open(f"{directory}/cgroup.subtree_control", "w", encoding="ascii") as file:
                file.write("".join(f" +{controller}" for controller in self.V2))
        limited = [option for file, value in self.V2.values() for option in ("--set", file, value)]
        self.limited = [*self.usual, *limited]

    def remove(self):
        for parent in self.made:
            os.rmdir(parent)


def floor(name, work, *options, program=FLOOR, command=(TRUE,)):
    return Command(name, [program, "--slot", f"{work}/slot", *options, TINY, *command])


def check_floor(work, oneoff):
    """The floor has to do the work, or it is none: what a command may do inside is what oneoff leaves to it."""

    def posture(words):
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        return re.sub("host_uid_of_root=.*", "", done.stdout)

    words = floor("", work, program=f"{FLOOR}-checked", command=("/bin/probe", "posture")).words
    if posture(words) != posture(oneoff("", command=("/bin/probe", "posture")).words):
        fail("the floor leaves something else to a command than oneoff does: it is not the same work any more")


# bubblewrap.


def bubblewrap(name, *options):
    mounts = ["--proc", "/proc", "--dev", "/dev", "--bind", TINY, "/"]
    return Command(name, [shutil.which("bwrap"), "--unshare-all", *options, *mounts, TRUE])


def equal_bubblewrap(name, work):
    """What bubblewrap has of what oneoff does: no range of ids, and before 0.11 no overlay."""
    filter_path = f"{work}/filter"
    with open(filter_path, "wb") as file:
        subprocess.run([FLOOR, "--print-filter"], check=True, stdout=file)
    words = [shutil.which("bwrap"), "--unshare-all", "--unshare-user", "--uid", "0", "--gid", "0"]
    words += ["--hostname", "run", "--new-session", "--die-with-parent", "--cap-drop", "ALL", "--clearenv"]
    words += ["--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME", "/root", "--seccomp", "9"]
    root = root_file_system(work)
    if version("bwrap") >= (0, 11):
        words += ["--overlay-src", root, "--tmp-overlay", "/"]
    else:
        words += ["--bind", root, "/"]
    words += ["--proc", "/proc", "--dev", "/dev", "--ro-bind", "/sys", "/sys"]
    for path in ("/proc/interrupts", "/proc/keys", "/proc/timer_list"):
        if os.path.exists(path):
            words += ["--ro-bind", "/dev/null", path]
    for path in ("/proc/acpi", "/sys/firmware"):
        if os.path.isdir(path):
            words += ["--tmpfs", path]
    for path in ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"):
        words += ["--ro-bind", path, path]
    return Command(name, [*words, TRUE], files=((9, filter_path),))


def version(program):
    """The numbers of a program's version; none where it says nothing."""
    found = re.search(r"(\d+)\.(\d+)", first_line(program, "--version") or "")
    return tuple(map(int, found.groups())) if found else ()


# Runtimes and engines.


def bundle(path, runtime, rootfs, command, is_read_only=False, **process):
    """A bundle with the configuration that the runtime itself writes."""
    shutil.rmtree(path, ignore_errors=True)
    os.mkdir(path)
    subprocess.run([runtime, "spec"], check=True, cwd=path)
    with open(f"{path}/config.json", encoding="utf-8") as file:
        configuration = json.load(file)
    configuration["process"].update(terminal=False, args=list(command), **process)
    configuration["root"] = {"path": rootfs, "readonly": is_read_only}
    with open(f"{path}/config.json", "w", encoding="utf-8") as file:
        json.dump(configuration, file)
    return path


def oci_runtime(name, work):
    path = bundle(f"{work}/{name}-bundle", name, root_file_system(work), [TRUE], is_read_only=True)
    mounts = cgroup2_mounts() if name == "crun" else None
    note = ", no cgroup" if mounts else ""
    # Without a cgroup there: a hierarchy without controllers would only be made, joined and removed.
    options = ["--cgroup-manager=disabled"] if mounts else []
    words = [shutil.which(name), *options, "run", "--bundle", path, f"oneoff-bench-{os.getpid()}"]
    return Command(f"{name} run{note}", words, mounts=mounts, has_name=True)


def conmon_words(work, name, bundle_path, log, pid_file):
    """conmon as podman starts it, which then has crun create the container."""
    for directory in ("exits", "sockets"):
        os.makedirs(f"{work}/{directory}", exist_ok=True)
    words = [shutil.which("conmon"), "--api-version", "1", "--cid", name, "--cuuid", f"{name}-uuid", "--name", name]
    words += ["--sync", "--runtime", shutil.which("crun"), "--runtime-arg", "--cgroup-manager=disabled"]
    words += ["--bundle", bundle_path, "--container-pidfile", pid_file, "--log-path", f"k8s-file:{log}"]
    return [*words, "--exit-dir", f"{work}/exits", "--socket-dir-path", f"{work}/sockets"]


# Limits below the caller's, which crun may not raise where root lacks CAP_SYS_RESOURCE.
PODMAN_RESTRICTED = ("--cgroups", "disabled", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")


def podman_words(work, rootfs, command, *options):
    words = [shutil.which("podman"), "--root", f"{work}/podman", "--runroot", f"{work}/podman-run", "run", "--rm"]
    return [*words, "--network", "none", *options, "--rootfs", rootfs, *command]


def podman(work):
    root = root_file_system(work)
    usual = Command("podman run --network none", podman_words(work, root, [TRUE]))
    if usual.trial() is None:
        return usual
    words = podman_words(work, root, [TRUE], *PODMAN_RESTRICTED)
    return Command("podman run --network none --cgroups disabled", words, mounts=cgroup2_mounts())


def nspawn(work):
    # It remarks upon a /run that is no tmpfs, and leaves a directory there.
    atexit.register(shutil.rmtree, "/run/systemd/nspawn/propagate/peers-rootfs", ignore_errors=True)
    words = [shutil.which("systemd-nspawn"), "--quiet", "--register=no", "--keep-unit", "--private-network"]
    words += ["--pipe", "--directory", root_file_system(work), TRUE]
    return Command("systemd-nspawn --private-network --pipe", words, files=((2, "/dev/null"),))


def docker(work):
    image = f"oneoff-bench-{os.getpid()}"
    with subprocess.Popen(["tar", "-C", root_file_system(work), "-c", "."], stdout=subprocess.PIPE) as archive:
        subprocess.run(["docker", "import", "-", image], check=True, stdin=archive.stdout, stdout=subprocess.DEVNULL)
    atexit.register(subprocess.run, ["docker", "image", "rm", "--force", image], stdout=subprocess.DEVNULL)
    return Command("docker run --network none", [shutil.which("docker"), "run", "--rm", "--network", "none", image, TRUE])


# The program, its Debian package, and what makes its command.
OTHERS = [
    ("crun", "crun", lambda work: oci_runtime("crun", work)),
    ("runc", "runc", lambda work: oci_runtime("runc", work)),
    ("podman", "podman", podman),
    ("systemd-nspawn", "systemd-container", nspawn),
    ("docker", "docker.io", docker),
]


def others(work):
    """The commands of the peers that work here, and why the rest is skipped."""
    commands, skipped = [], []
    for program, package, make in OTHERS:
        if not shutil.which(program):
            skipped.append(f"{program}: not installed (Debian package {package})")
            continue
        if program == "docker" and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
            skipped.append("docker: its daemon does not answer (`docker info`)")
            continue
        command = make(work)
        why = command.trial()
        if why is None:
            commands.append(command)
        else:
            skipped.append(f"{program}: `{' '.join(command.words[:3])} …` fails here: {why}")
    return commands, skipped


def versions():
    """What is measured, as it says itself."""
    ours = f"{ROOT}/build/oneoff"
    asked = [(ours, "version"), *((name, "--version") for name in (
        "bwrap", "crun", "runc", "podman", "conmon", "systemd-nspawn", "docker", "hyperfine"))]
    return [line for line in (first_line(*words) for words in asked) if line]
