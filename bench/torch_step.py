#!/usr/bin/env python3
"""The peer of bench/step.cpp: the same networks, batches, loss and optimizer in PyTorch. One JSON object a line.

    torch_step.py THREADS SECONDS NETWORK BATCH PRECISION [SIDE] [default] [compiled]     one network
    torch_step.py THREADS SECONDS serve                 reads such ends of command lines from its input; also
                                                        `memory NETWORK BATCH [SIDE] [default]` and `version`

NETWORK is encoder, resnet18, resnet18-projector, resnet50 or resnet50-projector, on a GPU if there is one. PRECISION is
fp32, tf32 or bf16 (autocast, with TF32 for what stays float). Feature maps are channels_last unless `default` is said,
cuDNN tries its algorithms. SGD is PyTorch's default on a GPU and its fastest form on a CPU: fused where there is one.
`compiled` takes torch.compile, whose own time does not count. Memory is what network, optimizer and three steps add to the
resident set after a small network has run: for a process of its own.
"""
import json
import os
import statistics
import sys
import time

import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
import memory  # noqa: E402

threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 3.0
torch.set_num_threads(threads)


def encoder():
    layers, channels = [], 3
    for width in (32, 64, 128, 128):
        layers += [nn.Conv2d(channels, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers)


class Block(nn.Module):
    def __init__(self, channels, width, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.shortcut = nn.Identity()
        if stride > 1 or channels != width:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        return torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))) + self.shortcut(x))


def resnet18():
    layers, channels = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()], 64
    for width in (64, 128, 256, 512):
        for _ in range(2):
            layers.append(Block(channels, width, 2 if width != channels else 1))
            channels = width
    return nn.Sequential(*layers)


def projector(*widths):
    layers = []
    for inside, width in zip(widths, widths[1:-1]):
        layers += [nn.Linear(inside, width), nn.BatchNorm1d(width), nn.ReLU()]
    return layers + [nn.Linear(widths[-2], widths[-1], bias=False)]


def pooled(net):
    return [net, nn.AdaptiveAvgPool2d(1), nn.Flatten()]


def resnet50():
    import torchvision
    net = torchvision.models.resnet50()
    net.fc = nn.Identity()
    return net


networks = {
    "encoder": (encoder, 16),
    "resnet18": (resnet18, 32),
    "resnet18-projector": (lambda: nn.Sequential(*pooled(resnet18()), *projector(512, 2048, 2048)), 32),
    "resnet50": (resnet50, 128),
    "resnet50-projector": (lambda: nn.Sequential(resnet50(), *projector(2048, 8192, 8192, 8192)), 128),
}


def sgd(net, device):
    options = {"lr": 0.01, "momentum": 0.9, "weight_decay": 1e-4}
    if device == "cpu":
        try:
            return torch.optim.SGD(net.parameters(), fused=True, **options)
        except (TypeError, RuntimeError):
            pass  # a version without it
    return torch.optim.SGD(net.parameters(), **options)


kept = {}  # what has been compiled stays


def network(name, batch, side, layout, compiled, device):
    """The network, how to run it, its input and optimizer, and the memory that was in use before."""
    torch.manual_seed(0)
    before = torch.cuda.memory_allocated() if device == "cuda" else 0
    make, own_side = networks[name]
    side = side or own_side
    net = make().to(device, memory_format=layout)
    x = torch.randn(batch, 3, side, side, device=device).contiguous(memory_format=layout)
    return torch.compile(net, dynamic=False) if compiled else net, x, sgd(net, device), before


def one_step(run, x, optimizer, device="cpu", bf16=False):
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast(device, dtype=torch.bfloat16, enabled=bf16):
        h = run(x)
    h = h.float()
    (h.mean((2, 3)) if h.ndim == 4 else h).pow(2).mean().backward()
    optimizer.step()


def memory_of(name, batch, side, layout):
    run, x, optimizer, _ = network("encoder", 2, 0, layout, False, "cpu")
    one_step(run, x, optimizer)

    def steps():
        run, x, optimizer, _ = network(name, batch, side, layout, False, "cpu")
        for _ in range(3):
            one_step(run, x, optimizer)

    return memory.peak_of(steps)


def measure(name, batch, precision, side, layout, compiled, device):
    """Time and memory of one network at one batch and one precision."""
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"
    key = name, batch, precision, side, layout, compiled
    first = key not in kept
    if device == "cpu" and kept and next(iter(kept))[:2] != (name, batch):
        kept.clear()
    run, x, optimizer, before = kept[key] = kept.get(key) or network(name, batch, side, layout, compiled, device)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None

    def steps(count):
        start = time.perf_counter()
        for _ in range(count):
            one_step(run, x, optimizer, device, precision == "bf16")
        wait()
        return time.perf_counter() - start

    steps(3 if first else 1)  # compiles, and cuDNN tries its algorithms
    record = {}
    if device == "cuda" and first:
        torch.cuda.reset_peak_memory_stats()
        steps(1)
        record["memory_mb"] = round((torch.cuda.max_memory_allocated() - before) / 1e6, 1)
    count = 1
    while device == "cuda" and count < 4096 and steps(count) < 0.01:
        count *= 2
    samples, start = [], time.perf_counter()
    while len(samples) < (3 if device == "cuda" else 2) or time.perf_counter() - start < seconds:
        samples.append(steps(count) / count)
    took = statistics.median(samples)
    optimizer.zero_grad(set_to_none=True)
    return {"images_s": round(batch / took), "step_ms": round(took * 1e3, 3), **record}


def answer(words):
    if words[0] == "version":
        print(json.dumps({"torch": torch.__version__}), flush=True)
        return
    layout = torch.contiguous_format if "default" in words else torch.channels_last
    numbers = [int(w) for w in words if w.isdigit()]
    side = numbers[1] if len(numbers) > 1 else 0
    if words[0] == "memory":
        record = {"bench": "torch network memory", "torch": torch.__version__, "network": words[1], "batch": numbers[0],
                  "variant": "default" if "default" in words else "channels_last",
                  "memory_mb": round(memory_of(words[1], numbers[0], side, layout), 1)}
        print(json.dumps(record), flush=True)
        return
    name, batch, precision, compiled = words[0], int(words[1]), words[2], "compiled" in words[3:]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    record = {"bench": "torch network step", "torch": torch.__version__, "device": device, "network": name, "batch": batch,
              "precision": precision, "layout": "default" if "default" in words else "channels_last",
              "variant": "compiled" if compiled else "eager"}
    if compiled and not hasattr(torch, "compile"):
        record["failed"] = f"PyTorch {torch.__version__} has no torch.compile"
    else:
        try:
            record.update(measure(name, batch, precision, side, layout, compiled, device))
        except Exception as e:  # a GPU that is full, or a network that torch.compile refuses, must not end the rest
            if device != "cuda" and not compiled:
                raise
            full = device == "cuda" and isinstance(e, torch.cuda.OutOfMemoryError)
            record["failed"] = "out of memory" if full else (str(e).strip() or type(e).__name__).splitlines()[0][:200]
    if device == "cuda":
        torch.cuda.empty_cache()
    print(json.dumps(record), flush=True)


if len(sys.argv) == 4 and sys.argv[3] == "serve":
    for line in sys.stdin:
        answer(line.split())
        print("{}", flush=True)
elif len(sys.argv) >= 6:
    answer(sys.argv[3:])
else:
    sys.exit(__doc__)
