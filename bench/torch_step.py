#!/usr/bin/env python3
"""The peer of bench/step.cpp: the same networks, batches, loss and optimizer in PyTorch. One JSON object a line.

    torch_step.py [THREADS [SECONDS]]                                   the small patch encoder on the CPU
    torch_step.py THREADS SECONDS NETWORK BATCH PRECISION [compiled]    encoder or resnet18, on a GPU if there is one
    torch_step.py THREADS SECONDS serve                                 reads such ends of command lines from its input

PRECISION is fp32, tf32 or bf16 (autocast, with TF32 for what stays float). Feature maps are channels_last, cuDNN tries
its algorithms, SGD is PyTorch's default. `compiled` takes torch.compile, whose own time does not count.
"""
import json
import statistics
import sys
import time

import torch
from torch import nn

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


def on_cpu():
    for layout in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(0)
        net = encoder().to(memory_format=layout)
        x = torch.randn(512, 3, 16, 16).contiguous(memory_format=layout)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
        samples, start = [], None
        while start is None or time.perf_counter() - start < seconds:
            before = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            net(x).mean((2, 3)).pow(2).mean().backward()
            optimizer.step()
            samples.append(time.perf_counter() - before)
            if start is None and len(samples) == 3:
                start, samples = time.perf_counter(), []
            if start is None:
                continue
        step = statistics.median(samples)
        print(json.dumps({"bench": "torch step", "torch": torch.__version__, "layout": str(layout), "threads": threads,
                          "patches_s": round(512 / step), "step_ms": round(step * 1e3, 3)}))


kept = {}  # what has been compiled stays


def network(name, batch, compiled, device):
    """The network, how to run it, its input and optimizer, and the memory that was in use before."""
    torch.manual_seed(0)
    before = torch.cuda.memory_allocated() if device == "cuda" else 0
    side = 16 if name == "encoder" else 32
    net = {"encoder": encoder, "resnet18": resnet18}[name]().to(device, memory_format=torch.channels_last)
    x = torch.randn(batch, 3, side, side, device=device).contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    return torch.compile(net, dynamic=False) if compiled else net, x, optimizer, before


def measure(name, batch, precision, compiled, device):
    """Time and memory of one network at one batch and one precision."""
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"
    key = name, batch, precision, compiled
    first = key not in kept
    run, x, optimizer, before = kept[key] = kept.get(key) or network(name, batch, compiled, device)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None

    def steps(count):
        start = time.perf_counter()
        for _ in range(count):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16"):
                h = run(x)
            h.float().mean((2, 3)).pow(2).mean().backward()
            optimizer.step()
        wait()
        return time.perf_counter() - start

    steps(3)  # compiles, and cuDNN tries its algorithms
    record = {}
    if device == "cuda" and first:
        torch.cuda.reset_peak_memory_stats()
        steps(1)
        record["memory_mb"] = round((torch.cuda.max_memory_allocated() - before) / 1e6, 1)
    count = 1
    while device == "cuda" and count < 4096 and steps(count) < 0.01:
        count *= 2
    samples, start = [], time.perf_counter()
    while len(samples) < 3 or time.perf_counter() - start < seconds:
        samples.append(steps(count) / count)
    took = statistics.median(samples)
    optimizer.zero_grad(set_to_none=True)
    return {"images_s": round(batch / took), "step_ms": round(took * 1e3, 3), **record}


def answer(words):
    name, batch, precision, compiled = words[0], int(words[1]), words[2], "compiled" in words[3:]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    record = {"bench": "torch network step", "torch": torch.__version__, "device": device, "network": name, "batch": batch,
              "precision": precision, "variant": "compiled" if compiled else "eager"}
    if compiled and not hasattr(torch, "compile"):
        record["failed"] = f"PyTorch {torch.__version__} has no torch.compile"
    else:
        try:
            record.update(measure(name, batch, precision, compiled, device))
        except Exception as e:  # a GPU that is full, or a network that torch.compile refuses, must not end the rest
            if device != "cuda":
                raise
            full = isinstance(e, torch.cuda.OutOfMemoryError)
            record["failed"] = "out of memory" if full else (str(e).strip() or type(e).__name__).splitlines()[0][:200]
    if device == "cuda":
        torch.cuda.empty_cache()
    print(json.dumps(record), flush=True)


if len(sys.argv) <= 3:
    on_cpu()
elif sys.argv[3] == "serve":
    for line in sys.stdin:
        answer(line.split())
        print("{}", flush=True)
elif len(sys.argv) >= 6:
    answer(sys.argv[3:])
else:
    sys.exit(__doc__)
