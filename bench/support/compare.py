"""What bench/compare-step, -optim, -eval and -augment share: our programs and PyTorch in turn, medians, a table.

BENCH names the folder of our programs (build/release/bench), PYTHON one or several Pythons that have torch, separated by
spaces: the best of them counts. LOG names a file for every record. OpenBLAS is left to detect the processor by itself,
threads are bound, and the heap is kept between steps, for both sides; memory is measured in processes of its own with the
allocator as it comes. CPU=avx2 keeps PyTorch and its libraries to AVX2, the peer of programs built with -march=x86-64-v3.
"""
import json
import os
import statistics
import subprocess
import sys

here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
programs = os.environ.get("BENCH", os.path.join(here, "..", "build", "release", "bench"))
log = open(os.environ["LOG"], "w") if "LOG" in os.environ else None


def arguments(threads="2", rounds="3"):
    """[THREADS [ROUNDS]] of the command line."""
    given = sys.argv[1:3]
    return (given + [threads, rounds][len(given):])[0], int((given + [threads, rounds][len(given):])[1])


def instruction_set():
    """What keeps ATen, OpenBLAS, oneDNN and MKL to the instructions that CPU names."""
    asked = os.environ.get("CPU", "")
    if asked not in ("", "avx2"):
        sys.exit(f"CPU is avx2 or not set, not '{asked}'")
    return {} if not asked else {"ATEN_CPU_CAPABILITY": "avx2", "OPENBLAS_CORETYPE": "Haswell",
                                 "DNNL_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


def environment(threads, keep_heap=True):
    env = dict(os.environ)
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_"):
        env.pop(name, None)
    env.update(OMP_NUM_THREADS=threads, OMP_PROC_BIND="true", PYTHONDONTWRITEBYTECODE="1")
    env.update(instruction_set())
    if keep_heap:
        env.update(MALLOC_MMAP_MAX_="0", MALLOC_TRIM_THRESHOLD_="34359738368")
    return env


def keep(record):
    if log:
        print(json.dumps(record), file=log, flush=True)
    return record


def ours(name, threads, *words, keep_heap=True):
    """The records that bench_NAME prints."""
    command = [os.path.join(programs, "bench_" + name), threads, *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment(threads, keep_heap))
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed")
    return [keep(json.loads(line)) for line in done.stdout.splitlines()]


class Peer:
    """torch_NAME.py in a process that stays: `ask` sends the end of a command line and returns the records."""

    def __init__(self, python, name, threads, *options, keep_heap=True):
        self.python, self.name = python, name
        command = [python, os.path.join(here, f"torch_{name}.py"), threads, *options, "serve"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment(threads, keep_heap))
        self.torch = self.ask("version")[0]["torch"]

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        records = []
        while True:
            line = self.process.stdout.readline()
            if not line:
                sys.exit(f"torch_{self.name}.py ended; is {self.python} a Python that has torch?")
            if line == "{}\n":
                return records
            if line.startswith("{"):
                records.append(keep(json.loads(line)))

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def peers(name, threads, *options):
    return [Peer(python, name, threads, *options) for python in os.environ.get("PYTHON", "python3").split()]


def once(name, threads, *words, options=()):
    """The records of all peers for one question, each in a process of its own and with the plain allocator."""
    records = []
    for python in os.environ.get("PYTHON", "python3").split():
        peer = Peer(python, name, threads, *options, keep_heap=False)
        records += [(peer.torch, r) for r in peer.ask(*words)]
        peer.end()
    return records


def serve(answer):
    """The other end of a Peer: answer(words) yields records."""
    for line in sys.stdin:
        for record in answer(line.split()):
            print(json.dumps(record), flush=True)
        print("{}", flush=True)


def median(values):
    values = list(values)
    return statistics.median(values) if values else float("nan")


def number(x, unit=""):
    return "-" if x != x else (f"{x:.3g}" if abs(x) < 100 else f"{x:.0f}") + unit


def in_turn(rounds, own, other):
    """Our records, and {variant: records}, taken in turn: ours first in even rounds. `own()` gives one record, `other()`
    pairs of a variant's name and a record, of which those with "failed" are left out."""
    mine, theirs = [], {}
    for round_ in range(rounds):
        if round_ % 2 == 0:
            mine.append(own())
        for variant, record in other():
            if "failed" not in record:
                theirs.setdefault(variant, []).append(record)
        if round_ % 2 == 1:
            mine.append(own())
    return mine, theirs


def best(theirs, key):
    """The variant whose median of `key` is least, and that median."""
    medians = {v: median(r[key] for r in records) for v, records in theirs.items()}
    found = min(medians, key=medians.get, default=None)
    return found, medians.get(found, float("nan"))


def ratios(mine, theirs, key):
    """Median and range of (theirs / ours), round by round."""
    values = [t[key] / m[key] for t, m in zip(theirs, mine)]
    return median(values), min(values, default=float("nan")), max(values, default=float("nan"))


def row(*cells):
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def header(*cells):
    row(*cells)
    row(*("---" for _ in cells))
