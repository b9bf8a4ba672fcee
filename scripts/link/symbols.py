"""symbols.py PROGRAM TRACE...: the symbols of PROGRAM that the traces touch, a line each, for the linker to lay side by side.

First functions, then what their executed instructions name of the data, each in the order of the first time.
Functions that the linker has folded into one have all their names written: the list is for linking anew.
"""

import bisect
import re
import subprocess
import sys

CODE, DATA = "tTwWi", "dDbBrRvV"


class Symbols:
    """The symbols of some kinds, found by address. See nm(1)."""

    def __init__(self, program, kinds):
        self.names, self.sizes, self.found = {}, {}, {}
        for line in output("nm", "--print-size", program):
            fields = line.split()
            if len(fields) == 4 and fields[2] in kinds:
                address, size = int(fields[0], 16), int(fields[1], 16)
                self.names.setdefault(address, []).append(fields[3])
                self.sizes[address] = max(self.sizes.get(address, 0), size)
        self.starts = sorted(self.names)

    def find(self, address):
        index = bisect.bisect_right(self.starts, address) - 1
        start = self.starts[max(index, 0)]
        if start <= address < start + self.sizes[start]:
            self.found[start] = True

    def print(self):
        for start in self.found:
            print("\n".join(self.names[start]))


def output(*command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield from process.stdout
    if process.wait() != 0:
        sys.exit(f"symbols.py: {command[0]} exited with {process.returncode}")


def operands(program, executed):
    """The addresses that each executed instruction names: relative to itself, or absolute."""
    relative, absolute = re.compile(r"# ([0-9a-f]+) <"), re.compile(r"\b0x([0-9a-f]{6,7})\b")
    for line in output("objdump", "--disassemble", "--no-show-raw-insn", program):
        address, separator, instruction = line.partition(":\t")
        if separator and int(address, 16) in executed:
            named = relative.findall(instruction) + absolute.findall(instruction)
            yield int(address, 16), [int(each, 16) for each in named]


def main():
    program, traces = sys.argv[1], sys.argv[2:]
    executed = {}
    for trace in traces:
        with open(trace, encoding="ascii") as lines:
            executed.update((int(line, 16), True) for line in lines)
    named = dict(operands(program, executed))
    code, data = Symbols(program, CODE), Symbols(program, DATA)
    for address in executed:
        code.find(address)
        for operand in named.get(address, []):
            data.find(operand)
    code.print()
    data.print()


main()
