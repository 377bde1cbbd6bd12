#!/usr/bin/env python3
"""Networks of PyTorch and torchvision, their outputs and gradients: what tests/nn/golden_networks.cpp compares with.

    make.py [NETWORK ...]   writes <network>.txt and <network>.npy beside this file: of all, or of those named
    make.py --full FOLDER   writes resnet18 and resnet50 of full size into FOLDER

Needs torch, torchvision and numpy. Each network takes one step in training mode on one batch: the loss is
sum(output * r) / n, and what is kept are the output, the gradients of the input and of all parameters, and the
running statistics after the step. All is in float64.

Weights, input and r are a formula (`values` below) that the test repeats: multiples of 2^-17 that a float32 holds
exactly, told apart by name. So the files need only results, and of large tensors only samples:

    <network>.txt   the name and the shape of each parameter, in order; then "input" and "output"
    <network>.npy   float64, for the output, the gradient of the input, and each parameter's gradient (of running
                    statistics their values): the number of entries N; the scale of errors; the sum of squares; the sum
                    of entry times formula; and entries k N / m for k = 0 ... m - 1, m = min(N, LIMIT), in C order

The scale is the largest magnitude in the tensor. Gradients that are zero but for rounding (of a bias before a batch
norm) take the largest of all parameters' gradients.

A rectifier whose input is within rounding of zero may take either side, and a whole entry of a gradient comes or goes:
that would be all that one sees of float. So the bias in front of each rectifier is moved by the multiple of 1/64, from 0
to 31 of them, that keeps the channel's inputs farthest from zero; <network>.shifts.npy has those multiples (int8), of
all biases in order, zero where there is no such rectifier. Likewise the formula's salt, of SALTS, is the one whose
maxima are farthest from the next candidates. The first line of <network>.txt has the salt, the smallest such distance
(relative to the standard deviation of the values), and the largest errors of torch's own float32 step.
"""

import argparse
import copy
import pathlib
from collections import OrderedDict

import numpy
import torch
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

LIMIT = 48
SALTS = 16
SHIFTS = 32


def values(salt, name, count):
    """Numbers k / 2^15 - 1 with k from 16 bits of a hash of (salt, name, position)."""
    seed = 2166136261
    for byte in f"{salt}/{name}".encode():
        seed = (seed ^ byte) * 16777619 % 2**32
    x = (seed + numpy.arange(count, dtype=numpy.uint64) * 0x9E3779B9) % 2**32
    x = (x ^ x >> 16) * 0x85EBCA6B % 2**32
    x = (x ^ x >> 13) * 0xC2B2AE35 % 2**32
    x = x ^ x >> 16
    return (x >> 16).astype(numpy.float64) / 32768 - 1


def start(salt, name, shape):
    """A weight times 2^-s, 4^s at most its inputs; 1 + v / 4 for scales and variances; v / 4 for what is left."""
    v = values(salt, name, int(numpy.prod(shape)))
    if len(shape) > 1:
        inputs, s = int(numpy.prod(shape[1:])), 0
        while 4 ** (s + 1) <= inputs:
            s += 1
        v = v / 2**s
    elif name.endswith("running_var") or name.endswith("weight"):
        v = 1 + v / 4
    else:
        v = v / 4
    return torch.from_numpy(v.reshape(shape))


class NarrowResNet(torchvision.models.ResNet):
    """torchvision's, with stages of other widths."""

    def __init__(self, block, blocks, widths, cifar, width_per_group=64):
        super().__init__(block, [1, 1, 1, 1], width_per_group=width_per_group)
        self.inplanes = widths[0]
        if cifar:
            self.conv1 = nn.Conv2d(3, widths[0], 3, stride=1, padding=1, bias=False)
            self.maxpool = nn.Identity()
        else:
            self.conv1 = nn.Conv2d(3, widths[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        for k in range(4):
            stage = self._make_layer(block, widths[k], blocks[k], stride=1 if k == 0 else 2)
            setattr(self, f"layer{k + 1}", stage)
        self.fc = nn.Identity()


def patch_encoder(widths, features):
    blocks, last = [], []
    for inputs, width in zip([3] + widths, widths):
        conv = nn.Conv2d(inputs, width, 3, stride=2, padding=1, bias=False)
        blocks.append(nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(width), relu=nn.ReLU())))
    linear, norm = nn.Linear(widths[-1], features), nn.BatchNorm1d(features)
    last.append(nn.Sequential(OrderedDict(linear=linear, bn=norm, relu=nn.ReLU())))
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(OrderedDict(blocks=nn.Sequential(*blocks), pool=pool, features=nn.Sequential(*last)))


def projector(inputs, widths):
    hidden = []
    for before, width in zip([inputs] + widths, widths[:-1]):
        linear, norm = nn.Linear(before, width), nn.BatchNorm1d(width)
        hidden.append(nn.Sequential(OrderedDict(linear=linear, bn=norm, relu=nn.ReLU())))
    last = nn.Linear(widths[-2], widths[-1], bias=False)
    return nn.Sequential(OrderedDict(flat=nn.Flatten(), hidden=nn.Sequential(*hidden), last=last))


NETWORKS = {
    "resnet18_cifar_narrow": (lambda: NarrowResNet(BasicBlock, [2, 2, 2, 2], [8, 16, 24, 32], True), (8, 3, 20, 16)),
    "resnet18_narrow": (lambda: NarrowResNet(BasicBlock, [2, 2, 2, 2], [8, 16, 24, 32], False), (8, 3, 56, 48)),
    "bottleneck_narrow": (lambda: NarrowResNet(Bottleneck, [2, 2, 1, 1], [8, 8, 12, 16], False), (8, 3, 56, 48)),
    "wide_narrow": (lambda: NarrowResNet(Bottleneck, [1, 2, 1, 1], [4, 8, 8, 8], True, 128), (8, 3, 18, 12)),
    "resnet18_cifar": (lambda: NarrowResNet(BasicBlock, [2, 2, 2, 2], [64, 128, 256, 512], True), (4, 3, 16, 16)),
    "patch_encoder": (lambda: patch_encoder([32, 64, 128, 128], 80), (16, 3, 16, 16)),
    "projector": (lambda: projector(32, [96, 64, 40]), (16, 32, 1, 1)),
}


def parameters(net):
    """Name and tensor, in order, without the counters of steps."""
    return {name: t for name, t in net.state_dict(keep_vars=True).items() if not name.endswith("num_batches_tracked")}


def settle(net, x):
    """Moves the biases in front of rectifiers; the distance from where a result changes sides."""
    net = net.double().train()
    state = copy.deepcopy(net.state_dict())
    last, distance, moved, handles = [None], [1.0], {}, []

    def norm(module, *_):
        last[0] = module

    def rectifier(_, inputs):
        a = inputs[0]
        by_channel = a.transpose(0, 1).reshape(a.shape[1], -1)
        shifts = torch.arange(SHIFTS, dtype=a.dtype) / 64
        nearest = torch.stack([(by_channel + shift).abs().min(dim=1).values for shift in shifts])
        best = nearest.max(dim=0)
        distance[0] = min(distance[0], (best.values.min() / a.std()).item())
        moved[last[0]] = shifts[best.indices]
        return (a + moved[last[0]].reshape([1, -1] + [1] * (a.dim() - 2)),)

    def maximum(pool, inputs):
        x, p = inputs[0], pool.padding
        padded = nn.functional.pad(x, (p, p, p, p), value=-1e9)
        windows = nn.functional.unfold(padded, pool.kernel_size, stride=pool.stride)
        windows = windows.reshape(x.shape[0], x.shape[1], pool.kernel_size**2, -1)
        top = windows.topk(2, dim=2).values
        gap = (top[:, :, 0] - top[:, :, 1])[top[:, :, 0] > 0]  # of zeros none has a gradient before its rectifier
        distance[0] = min(distance[0], (gap.min() / x.std()).item())

    for m in net.modules():
        if isinstance(m, nn.ReLU):
            m.inplace = False
            handles.append(m.register_forward_pre_hook(rectifier))
        if isinstance(m, nn.MaxPool2d):
            handles.append(m.register_forward_pre_hook(maximum))
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            handles.append(m.register_forward_hook(norm))
    with torch.no_grad():
        net(x.double())
        net.load_state_dict(state)
        for m, shift in moved.items():
            m.bias += shift
    for handle in handles:
        handle.remove()
    return distance[0]


def step(net, x, r):
    """All results of one step, by name."""
    net.train()
    x = x.clone().requires_grad_(True)
    y = net(x)
    ((y * r).sum() / x.shape[0]).backward()
    results = OrderedDict(output=y.detach(), input=x.grad)
    for name, t in parameters(net).items():
        results[name] = t.grad if t.grad is not None else t.detach()
    return results


def scales(results):
    gradients = [t.abs().max().item() for name, t in results.items() if "running" not in name and name != "output"]
    largest = max(gradients[1:])
    found = {name: t.abs().max().item() for name, t in results.items()}
    return {name: s if s > 1e-9 * largest else largest for name, s in found.items()}


def float32_errors(results, single):
    """The largest errors of the output, of the gradients and of the statistics."""
    scale, worst = scales(results), [0.0, 0.0, 0.0]
    for name, t in results.items():
        k = 0 if name == "output" else 2 if "running" in name else 1
        worst[k] = max(worst[k], ((t - single[name].double()).abs().max() / scale[name]).item())
    return worst


def make(name, folder):
    build, shape = NETWORKS[name]

    def settled(salt):
        net = build().double()
        with torch.no_grad():
            for key, t in parameters(net).items():
                t.copy_(start(salt, key, tuple(t.shape)))
        x = torch.from_numpy(values(salt, "input", int(numpy.prod(shape))).reshape(shape))
        return settle(net, x), -salt, net, x

    distance, salt, net, x = max((settled(salt) for salt in range(SALTS)), key=lambda found: found[:2])
    salt = -salt
    state = copy.deepcopy(net.state_dict())
    shifts = []
    for key, t in parameters(net).items():
        if key.endswith("bias"):
            shifts += ((t.detach() - start(salt, key, tuple(t.shape))) * 64).tolist()
    numpy.save(folder / f"{name}.shifts.npy", numpy.array(shifts).astype(numpy.int8))

    def run(dtype):
        net.to(dtype).load_state_dict(state)
        net.zero_grad(set_to_none=True)
        with torch.no_grad():
            out = copy.deepcopy(net)(x.to(dtype)).shape
        r = torch.from_numpy(values(salt, "output", int(numpy.prod(out))).reshape(out))
        shapes = [(key, tuple(t.shape)) for key, t in parameters(net).items()]
        results = step(net, x.to(dtype), r.to(dtype))
        return copy.deepcopy(results), shapes + [("input", shape), ("output", tuple(out))]

    results, shapes = run(torch.float64)
    errors = float32_errors(results, run(torch.float32)[0])
    scale, numbers = scales(results), []
    for key, t in results.items():
        flat = t.reshape(-1).numpy()
        count = min(flat.size, LIMIT)
        check = values(salt, key + "/check", flat.size)
        numbers += [flat.size, scale[key], (flat * flat).sum(), (flat * check).sum()]
        numbers += [flat[k * flat.size // count] for k in range(count)]
    numpy.save(folder / f"{name}.npy", numpy.array(numbers, dtype=numpy.float64))
    with open(folder / f"{name}.txt", "w") as text:
        text.write(f"salt {salt} distance {distance:.1e} float32 output {errors[0]:.1e} gradients {errors[1]:.1e} ")
        text.write(f"statistics {errors[2]:.1e}\n")
        for key, extents in shapes:
            text.write(" ".join([key] + [str(e) for e in extents]) + "\n")
    print(f"{name}: salt {salt}, distance {distance:.1e}, float32 {errors}, {len(numbers) * 8} bytes")


def full(folder):
    """Both networks with torchvision's starts but for settled biases, normal images, normal r; every tensor in full."""
    torch.manual_seed(1)
    cifar = torchvision.models.resnet18()
    cifar.conv1, cifar.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    nn.init.kaiming_normal_(cifar.conv1.weight, mode="fan_out", nonlinearity="relu")
    for name, net, shape in [("resnet18_cifar", cifar, (8, 3, 32, 32)),
                             ("resnet50", torchvision.models.resnet50(), (4, 3, 64, 64))]:
        net.fc = nn.Identity()
        x, r = torch.randn(shape), torch.randn(shape[0], 2048 if name == "resnet50" else 512)
        distance = settle(net, x)
        net.float()
        there = pathlib.Path(folder) / name
        for part in ["weights", "results", "float32"]:
            (there / part).mkdir(parents=True, exist_ok=True)
        for key, t in net.state_dict().items():
            numpy.save(there / "weights" / f"{key}.npy", t.numpy())
        numpy.save(there / "x.npy", x.numpy())
        numpy.save(there / "r.npy", r.numpy())
        state = {key: t.clone() for key, t in net.state_dict().items()}
        double = step(net.double(), x.double(), r.double())
        net.zero_grad(set_to_none=True)
        net.float().load_state_dict(state)
        single = step(net, x, r)
        for key, t in double.items():
            numpy.save(there / "results" / f"{key}.npy", t.numpy())
            numpy.save(there / "float32" / f"{key}.npy", single[key].numpy())
        print(f"{name}: distance {distance:.1e}, torch's float32 {float32_errors(double, single)}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--full", metavar="FOLDER")
    arguments.add_argument("networks", nargs="*", metavar="NETWORK")
    arguments = arguments.parse_args()
    print("torch", torch.__version__, "torchvision", torchvision.__version__)
    if arguments.full:
        full(arguments.full)
    else:
        for network in arguments.networks or NETWORKS:
            make(network, pathlib.Path(__file__).resolve().parent)
