#!/usr/bin/env python3
"""The peer of bench/step.cpp: the same network, batch, loss and optimizer in PyTorch. One JSON object a line."""
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
