"""The peers as their users run them, each with the same root file system and the same command."""

import json
import os
import shutil
import subprocess

from measure import TINY

# crun 1.8 refuses a host with cgroups of both versions: it sees a mount namespace that shows version 2 only.
CGROUP2_ONLY = [
    "unshare", "--mount", "sh", "-c",
    'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"', "sh"]


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


def bundle(path, runtime, rootfs, command, is_read_only=False, **process):
    """A bundle with the configuration that the runtime itself writes."""
    os.mkdir(path)
    subprocess.run([runtime, "spec"], check=True, cwd=path)
    with open(f"{path}/config.json", encoding="utf-8") as file:
        configuration = json.load(file)
    configuration["process"].update(terminal=False, args=list(command), **process)
    configuration["root"] = {"path": rootfs, "readonly": is_read_only}
    with open(f"{path}/config.json", "w", encoding="utf-8") as file:
        json.dump(configuration, file)
    return path


def podman_words(work, rootfs, command, *options):
    words = [shutil.which("podman"), "--root", f"{work}/podman", "--runroot", f"{work}/podman-run", "run", "--rm"]
    # Limits below the caller's, which crun may not raise where root lacks CAP_SYS_RESOURCE.
    words += ["--cgroups", "disabled", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
    return [*words, "--network", "none", *options, "--rootfs", rootfs, *command]
