#!/usr/bin/env python3
"""The peer of bench/loss.cpp: the same losses on the same numbers in PyTorch, float32, two views, forward and backward.

Each loss as its paper or released code has it (`official`), and rewritten as somebody would who knows the algebra:
the smaller Gram matrix (`gram`), or that with a gradient by hand (`closed`). All are exact.

    torch_loss.py THREADS SECONDS LOSS N D [LIMIT]     one JSON object for each variant of at most LIMIT flops
    torch_loss.py THREADS SECONDS ceilings             the plain product
    torch_loss.py THREADS SECONDS serve                reads such ends of command lines from its input

On a GPU with `--device cuda` in front; then words may follow LIMIT: `tf32` lets products round, `compiled` takes
torch.compile (reported as `official compiled`, ..., without the time that compiling takes; COMPILE_MODE names a mode of
it), `once` calls each form without timing it, so that it is compiled for that shape. What does not fit, or does not compile, is
reported with `failed`.
"""
import ctypes
import json
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F


def unit(x):
    return x / x.norm(dim=1, keepdim=True).clamp_min(1e-12)


def off_diagonal(m):
    n = m.shape[0]
    return m.flatten()[:-1].view(n - 1, n + 1)[:, 1:]


class SquaredGram(torch.autograd.Function):
    """||x x^T||^2 - `diagonal` sum_j |x_j|^4, x_j the features: one product forward, one backward."""

    @staticmethod
    def forward(ctx, x, diagonal):
        wide = x.shape[0] < x.shape[1]
        gram = x @ x.T if wide else x.T @ x
        squares = x.pow(2).sum(0) if diagonal else None
        ctx.save_for_backward(x, gram, squares)
        ctx.wide = wide
        flat = gram.flatten()
        value = torch.dot(flat, flat)
        return value - torch.dot(squares, squares) if diagonal else value

    @staticmethod
    def backward(ctx, slope):
        x, gram, squares = ctx.saved_tensors
        out = gram @ x if ctx.wide else x @ gram
        if squares is not None:
            out.addcmul_(x, squares[None], value=-1.0)
        return out.mul_(4 * slope), None


class CodingRate(torch.autograd.Function):
    """1/2 logdet(I + a x x^T) on the smaller side; the gradient from the inverse that the factor gives."""

    @staticmethod
    def forward(ctx, x, a):
        ctx.wide = x.shape[0] < x.shape[1]
        gram = x @ x.T if ctx.wide else x.T @ x
        factor = torch.linalg.cholesky(gram.mul_(a).add_(torch.eye(gram.shape[0], device=x.device)))
        ctx.save_for_backward(x, factor)
        ctx.a = a
        return factor.diagonal().log().sum()

    @staticmethod
    def backward(ctx, slope):
        x, factor = ctx.saved_tensors
        inverse = torch.cholesky_inverse(factor)
        return (inverse @ x if ctx.wide else x @ inverse).mul_(ctx.a * slope), None


def vicreg(x, y, closed=False):
    n, d = x.shape
    xc, yc = x - x.mean(0), y - y.mean(0)
    spread = sum(F.relu(1 - torch.sqrt(v.var(0) + 1e-4)).mean() for v in (xc, yc)) / 2
    if closed:
        off = sum(SquaredGram.apply(v, True) for v in (xc, yc)) / (n - 1) ** 2
    else:
        off = sum(off_diagonal(v.T @ v / (n - 1)).pow(2).sum() for v in (xc, yc))
    return 25 * F.mse_loss(x, y) + 25 * spread + off / d


def barlow(x, y, gram=False):
    n = x.shape[0]
    a, b = (F.batch_norm(v, None, None, training=True) for v in (x, y))
    if gram:  # ||a^T b|| by the Gram matrices of the samples
        diagonal = (a * b).sum(0) / n
        off = ((a @ a.T) * (b @ b.T)).sum() / n**2 - diagonal.pow(2).sum()
    else:
        c = a.T @ b / n
        diagonal, off = c.diagonal(), off_diagonal(c).pow(2).sum()
    return (diagonal - 1).pow(2).sum() + 0.0051 * off


def ntxent(x, y, temperature=0.5):
    n = x.shape[0]
    z = torch.cat([unit(x), unit(y)])
    s = (z @ z.T / temperature).masked_fill(torch.eye(2 * n, dtype=torch.bool, device=x.device), float("-inf"))
    return F.cross_entropy(s, torch.arange(2 * n, device=x.device).roll(n))


def dcl(x, y, temperature=0.1):
    n = x.shape[0]
    z = torch.cat([unit(x), unit(y)])
    s = z @ z.T / temperature
    positive = (unit(x) * unit(y)).sum(1).mean() / temperature
    return s.masked_fill(torch.eye(n, dtype=torch.bool, device=x.device).repeat(2, 2), float("-inf")).logsumexp(1).mean() - positive


def spectral(x, y):
    n = x.shape[0]
    s = (x @ y.T).pow(2)
    return -2 * (x * y).sum() / n + (s.sum() - s.diagonal().sum()) / (n * (n - 1))


def toward(x, y, t, u):
    """BYOL in both directions; with two views also the centroid loss."""
    return 2 - (unit(x) * unit(u)).sum(1).mean() - (unit(y) * unit(t)).sum(1).mean()


def brownian(x, y, t, u):
    r = unit(t)
    return ((unit(x) * r).sum(1).mean() + (unit(y) * r).sum(1).mean()) / 2


def align_uniform(x, y, gram=False):
    n = x.shape[0]
    x, y = unit(x), unit(y)
    value = (x - y).norm(dim=1).pow(2).mean()
    for v in (x, y):
        if gram:
            e = torch.exp(4 * (v @ v.T) - 4)
            value = value + ((e.sum() - e.diagonal().sum()) / (n * (n - 1))).log() / 2
        else:
            value = value + torch.pdist(v).pow(2).mul(-2).exp().mean().log() / 2
    return value


def coding_rate(x, y, form="official"):
    n, d = x.shape
    a, value = d / (n * 0.25), 0
    for v in (unit(x), unit(y)):
        if form == "closed":
            value = value + CodingRate.apply(v, a)
        elif form == "gram":
            k = v @ v.T if n < d else v.T @ v
            value = value + torch.linalg.cholesky(torch.eye(k.shape[0], device=x.device) + a * k).diagonal().log().sum()
        else:
            value = value + torch.logdet(torch.eye(d, device=x.device) + a * (v.T @ v)) / 2
    return -value / 2


def whitened(x, solve, epsilon=1e-3):
    n, d = x.shape
    xc, eye = x - x.mean(0), torch.eye(d, device=x.device)
    factor = torch.linalg.cholesky((1 - epsilon) * (xc.T @ xc / (n - 1)) + epsilon * eye)
    if solve:
        return torch.linalg.solve_triangular(factor, xc.T, upper=False).T
    return xc @ torch.linalg.solve_triangular(factor, eye, upper=False).T


def wmse(x, y, solve=False):
    return 2 - 2 * (unit(whitened(x, solve)) * unit(whitened(y, solve))).sum(1).mean()


def singular(x, y, closed=False):
    n, d = x.shape
    value = 0
    for v in (unit(x), unit(y)):
        if closed:  # the trace is n
            value = value + (d / n) ** 2 * SquaredGram.apply(v, False) - d
        else:
            value = value + ((d / n) * (v.T @ v) - torch.eye(d, device=x.device)).pow(2).sum()
    return value / 2


def frobenius(x, y, closed=False):
    n = x.shape[0]
    return sum(SquaredGram.apply(v, False) if closed else (v.T @ v).pow(2).sum() for v in (x, y)) / (2 * n**2)


# Of one product of the views' size, in flops: features by features (f), samples by samples (s), and a cube (c) of d.
# name -> [(variant, function, flops)]; `targets` below also take columns without gradient.
LOSSES = {
    "vicreg": [("official", vicreg, lambda f, s, c: 6 * f),
               ("closed", lambda x, y: vicreg(x, y, True), lambda f, s, c: 4 * min(f, s))],
    "barlow": [("official", barlow, lambda f, s, c: 3 * f), ("gram", lambda x, y: barlow(x, y, True), lambda f, s, c: 6 * s)],
    "ntxent": [("official", ntxent, lambda f, s, c: 12 * s)],
    "dcl": [("official", dcl, lambda f, s, c: 12 * s)],
    "spectral": [("official", spectral, lambda f, s, c: 3 * s)],
    "align_unif": [("official", align_uniform, lambda f, s, c: 60 * s),  # pdist is a loop, about 20 times slower
                   ("gram", lambda x, y: align_uniform(x, y, True), lambda f, s, c: 6 * s)],
    "tcr": [("official", coding_rate, lambda f, s, c: 6 * f + 4 * c),
            ("gram", lambda x, y: coding_rate(x, y, "gram"), lambda f, s, c: 6 * min(f, s)),
            ("closed", lambda x, y: coding_rate(x, y, "closed"), lambda f, s, c: 6 * min(f, s))],
    "wmse": [("official", wmse, lambda f, s, c: 12 * f + 15 * c),
             ("solve", lambda x, y: wmse(x, y, True), lambda f, s, c: 6 * f + 12 * c)],
    "singular": [("official", singular, lambda f, s, c: 6 * f),
                 ("closed", lambda x, y: singular(x, y, True), lambda f, s, c: 4 * min(f, s))],
    "fro": [("official", frobenius, lambda f, s, c: 6 * f),
            ("closed", lambda x, y: frobenius(x, y, True), lambda f, s, c: 4 * min(f, s))],
    "byol": [("official", toward, lambda f, s, c: 0)],
    "centroid": [("official", toward, lambda f, s, c: 0)],
    "brownian": [("official", brownian, lambda f, s, c: 0)],
}
TARGETS = {"byol", "centroid", "brownian"}


def draw(count, seed):
    """The numbers of bench/loss.cpp: about normal, from a hash of their place."""
    def right(h, bits):  # the shift of an unsigned number
        return (h >> bits) & ((1 << (64 - bits)) - 1)

    out = torch.empty(count, device=device)
    start = (seed * 7664345821815920749 + (1 << 63)) % (1 << 64) - (1 << 63)
    for first in range(0, count, 1 << 22):
        h = torch.arange(first, min(count, first + (1 << 22)), device=device) * -7046029254386353131 + start
        h = (h ^ right(h, 30)) * -4658895280553007687
        h = (h ^ right(h, 27)) * -7723592293110705685
        parts = sum((h >> shift) & 0xFFFF for shift in (0, 16, 32, 48))
        out[first : first + len(h)] = (parts - 2 * 65535).float() * (1.7320508 / 65536.0)
    return out


def draw_views(n, d, seed):
    base = draw(n * d, seed)
    both = draw(2 * n * d, seed + 1)
    return [(base + 0.5 * noise).view(n, d) for noise in both.split(n * d)]


def status(key):
    try:
        with open("/proc/self/status") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith(key))
    except (OSError, StopIteration):
        return 0


def first_step(step):
    """Megabytes that the step adds to the resident set at its peak, or to the device's tensors."""
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    try:
        ctypes.CDLL(None).malloc_trim(0)  # what was freed must not hide in the baseline
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except (OSError, AttributeError):
        pass
    before = status("VmRSS:")
    step()
    return (status("VmHWM:") - before) / 1e6


def repeat(count, body):
    before = time.perf_counter()
    for _ in range(count):
        body()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - before


def median_seconds(seconds, body):
    """As time_of in bench/support/backend.hpp: on a GPU a sample is long enough for the wait at its end not to count."""
    count = 1
    if device == "cuda":
        repeat(1, body)
        enough = max(100 * repeat(16, lambda: torch.cuda.synchronize()) / 17, 2e-3)
        while count < 4096 and repeat(count, body) < enough:
            count *= 2
    samples, start = [], time.perf_counter()
    while len(samples) < 2 or time.perf_counter() - start < seconds:
        samples.append(repeat(count, body) / count)
        if samples[0] * count > 2 * seconds + 1:
            break
    return statistics.median(samples)


if hasattr(torch, "compile"):  # every shape and precision is compiled for itself and kept
    import torch._dynamo

    for limit_name in ("cache_size_limit", "recompile_limit"):
        if hasattr(torch._dynamo.config, limit_name):
            setattr(torch._dynamo.config, limit_name, 256)


compiled_forms = {}


def compiled(name, variant, function):
    """torch.compile of it for each shape by itself, or None where this PyTorch has none."""
    if not hasattr(torch, "compile"):
        return None
    if (name, variant) not in compiled_forms:
        compiled_forms[name, variant] = torch.compile(function, dynamic=False, mode=os.environ.get("COMPILE_MODE"))
    return compiled_forms[name, variant]


kept = {}  # the inputs of the last shape


def measure(seconds, name, n, d, limit=float("inf"), *words):
    if kept.get("shape") != (n, d):
        kept.clear()
        kept.update(shape=(n, d), z=[v.requires_grad_() for v in draw_views(n, d, 1)])
    if name in TARGETS and "targets" not in kept:
        kept["targets"] = draw_views(n, d, 5)
    torch.backends.cuda.matmul.allow_tf32 = "tf32" in words
    for variant, function, flops in LOSSES[name]:
        if flops(2.0 * n * d * d, 2.0 * n * n * d, float(d) ** 3) > limit:
            continue
        record = {"bench": "torch loss", "loss": name, "variant": variant, "n": n, "d": d}
        if device == "cuda":
            record["tf32"] = "tf32" in words
        if "compiled" in words:
            record["variant"] += " compiled"
            function = compiled(name, variant, function)
            if function is None:
                record["failed"] = f"PyTorch {torch.__version__} has no torch.compile"
        if "failed" not in record:
            record.update(attempt(seconds, name, function, words))
        print(json.dumps(record), flush=True)
    if "once" in words:
        kept.clear()
        torch.cuda.empty_cache()


def attempt(seconds, name, function, words):
    """Time, memory and value of one form; or why there are none."""
    x, y = kept["z"]
    last = None

    def step():
        nonlocal last
        x.grad = y.grad = None
        out = function(x, y, *kept["targets"]) if name in TARGETS else function(x, y)
        out.backward()
        last = out.detach() if device == "cuda" else out.item()

    try:
        if "compiled" in words or "once" in words:
            repeat(2, step)  # compiled on the first call
        x.grad = y.grad = last = None
        if "once" in words:
            return {}
        memory = first_step(step)
        took = median_seconds(seconds, step)
        return {"ms": took * 1e3, "memory_mb": round(memory, 2), "value": float(last)}
    except Exception as e:  # a GPU that is full, or a form that torch.compile refuses, must not end the rest
        if device != "cuda":
            raise
        if isinstance(e, torch.cuda.OutOfMemoryError):
            return {"failed": "out of memory"}
        return {"failed": (str(e).strip() or type(e).__name__).splitlines()[0][:200]}
    finally:
        x.grad = y.grad = last = None
        if device == "cuda":
            torch.cuda.empty_cache()


def ceilings(seconds):
    side = 2048 if device == "cpu" else 8192

    def product(kind, tf32=False):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
        return round(2e-9 * side**3 / median_seconds(seconds, lambda: torch.mm(a, b)), 1)

    record = {"bench": "torch ceilings", "torch": torch.__version__, "threads": torch.get_num_threads(),
              "gemm_gflops": product(torch.float32)}
    if device == "cuda":
        record["device"] = torch.cuda.get_device_name()
        record["gemm_tf32_gflops"], record["gemm_bf16_gflops"] = product(torch.float32, True), product(torch.bfloat16)
        a = torch.randn(1 << 28, device=device)
        b = torch.empty_like(a)
        record["copy_gbs"] = round(8e-9 * len(a) / median_seconds(seconds, lambda: b.copy_(a)), 1)
    print(json.dumps(record), flush=True)


def run(words):
    seconds = float(words[0])
    if words[1] == "ceilings":
        ceilings(seconds)
    else:
        measure(seconds, words[1], int(words[2]), int(words[3]), *map(float, words[4:5]), *words[5:])
    print("{}", flush=True)


device = "cpu"
if sys.argv[1:2] == ["--device"]:
    device = sys.argv[2]
    del sys.argv[1:3]
if len(sys.argv) < 4 or device not in ("cpu", "cuda"):
    sys.exit(__doc__)
if device == "cuda" and not torch.cuda.is_available():
    sys.exit("torch_loss.py: PyTorch sees no CUDA device")
torch.set_num_threads(int(sys.argv[1]))
# The workspaces of a BLAS are no loss's memory.
torch.mm(torch.randn(512, 512, device=device), torch.randn(512, 512, device=device))
if sys.argv[3] == "serve":
    for line in sys.stdin:
        run(line.split())
else:
    run(sys.argv[2:])
