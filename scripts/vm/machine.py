"""A virtual machine: started, listened to, and gone at the end, however that comes."""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time

QEMU = "qemu-system-x86_64"
# Without a watchdog for the clock, which an emulated processor is not as steady as, and without what guards against
# other users of a real processor: both only cost time.
KERNEL_OPTIONS = "console=ttyS0 panic=-1 tsc=reliable mitigations=off nowatchdog"


class Failed(Exception):
    """A machine that did not do what machines do."""


class Machine:
    """One that runs from its construction to `stop`, or to this program's death."""

    def __init__(self, accelerator, kernel, initramfs, options, disks=(), memory="4096M"):
        self.outputs = {}
        self.heard = {"console": bytearray(), "output": bytearray(), "results": bytearray()}
        theirs = {}
        for name in self.heard:
            self.outputs[name], theirs[name] = socket.socketpair()
        command = [
            "setpriv", "--pdeathsig", "KILL", QEMU, "-accel", accelerator, "-cpu", "max",
            "-smp", "2", "-m", memory, "-nodefaults", "-no-reboot", "-display", "none",
            "-kernel", str(kernel / "vmlinuz"), "-initrd", str(initramfs),
            "-append", f"{KERNEL_OPTIONS} {options}", "-device", "virtio-serial-pci",
        ]
        for name, end in theirs.items():
            command += ["-chardev", f"socket,id={name},fd={end.fileno()}"]
        command += ["-serial", "chardev:console"]
        for name in ("output", "results"):
            command += ["-device", f"virtserialport,chardev={name},name=oneoff.{name}"]
        for disk in disks:
            command += ["-drive", disk]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, pass_fds=[end.fileno() for end in theirs.values()])
        for end in theirs.values():
            end.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.kill()
        self.process.wait()
        for end in self.outputs.values():
            end.close()

    def listen(self, limit, silence, show=None, until=None):
        """Takes what comes from the machine until it is off, or has said `until`, a line's beginning.

        Raises `Failed` where that takes longer than `limit` seconds, or nothing comes for `silence` of them.
        """
        deadline = time.monotonic() + limit
        last = time.monotonic()
        with selectors.DefaultSelector() as selector:
            for name, end in self.outputs.items():
                selector.register(end, selectors.EVENT_READ, name)
            while selector.get_map():
                now = time.monotonic()
                if now > deadline:
                    raise self.failure(f"it was not done after {limit} s")
                if now > last + silence:
                    raise self.failure(f"nothing came from it for {silence} s")
                for key, _ in selector.select(min(deadline, last + silence) - now):
                    data = receive(key.fileobj)
                    if not data:
                        selector.unregister(key.fileobj)
                        continue
                    last = time.monotonic()
                    self.heard[key.data] += data
                    if show and key.data == "output":
                        show(data)
                if until and b"\n" + until in b"\n" + self.heard["output"]:
                    return
        self.process.wait()
        if until:
            raise self.failure(f"it went off and has not said “{until.decode()}”")

    def cut_power(self):
        """Ends the machine at once, and takes what it had said by then."""
        self.process.kill()
        self.process.wait()
        for name, end in self.outputs.items():
            while data := receive(end):
                self.heard[name] += data

    def failure(self, reason):
        """What is wrong, and the last lines of the machine's console."""
        lines = self.heard["console"].decode(errors="replace").replace("\r", "").splitlines()
        return Failed("\n  ".join([f"the machine: {reason}; its console's last lines:", *lines[-25:]]))


def receive(end):
    try:
        return end.recv(65536)
    except ConnectionResetError:
        return b""


def end_on_signals():
    """Has SIGTERM and SIGHUP end this program as Ctrl-C does: with everything put away."""

    def end(number, _):
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def accelerator(kernel, initramfs):
    """KVM where a machine starts with it, else emulation: there are hosts on which it only hangs."""
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        try:
            with Machine("kvm", kernel, initramfs, "quiet oneoff.trial", memory="512M") as trial:
                trial.listen(limit=8, silence=8)
                if b"the machine starts" in trial.heard["console"]:
                    return "kvm"
        except Failed:
            pass
    return "tcg,thread=multi"
