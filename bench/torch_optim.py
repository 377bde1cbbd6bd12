#!/usr/bin/env python3
"""The peer of bench/optim.cpp: one step of LARS or SGD in PyTorch. Reads its questions from its input:

    torch_optim.py THREADS serve        NAME TABLE SECONDS, or `memory NAME TABLE`, or `version`, a line each

LARS as published code writes it, tensor by tensor, and with the functions for lists of tensors (_foreach); also what
torch.compile makes of the first where SECONDS is followed by `compiled`. SGD is PyTorch's, in each of its forms.
"""
import os
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
import compare  # noqa: E402
import memory  # noqa: E402

torch.set_num_threads(int(sys.argv[1]))

TRUST, MOMENTUM, DECAY, RATE = 0.001, 0.9, 1e-6, 0.01


def shapes(table):
    """The tensors of ResNet-50, with its classifier or with VICReg's projector."""
    out = [(64, 3, 7, 7), (64,), (64,)]

    def conv(width, channels, kernel):
        out.extend([(width, channels, kernel, kernel), (width,), (width,)])

    channels = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            conv(width, channels, 1)
            conv(width, width, 3)
            conv(4 * width, width, 1)
            if block == 0:
                conv(4 * width, channels, 1)
            channels = 4 * width
    if table == "resnet50":
        return out + [(1000, 2048), (1000,)]
    for inside in (2048, 8192):
        out += [(8192, inside), (8192,), (8192,), (8192,)]
    return out + [(8192, 8192)]


@torch.no_grad()
def lars_step(weights, grads, states):
    for w, g, v in zip(weights, grads, states):
        if w.ndim > 1:
            g = g.add(w, alpha=DECAY)
            length, update = torch.linalg.vector_norm(w), torch.linalg.vector_norm(g)
            one = torch.ones_like(length)
            g = g * torch.where(length > 0, torch.where(update > 0, TRUST * length / update, one), one)
        v.mul_(MOMENTUM).add_(g)
        w.add_(v, alpha=-RATE)


@torch.no_grad()
def lars_lists(weights, grads, states):
    adapted = [k for k, w in enumerate(weights) if w.ndim > 1]
    w = [weights[k] for k in adapted]
    u = torch._foreach_add([grads[k] for k in adapted], w, alpha=DECAY)
    q = TRUST * torch.stack(torch._foreach_norm(w)) / torch.stack(torch._foreach_norm(u))
    torch._foreach_mul_(u, torch.nan_to_num(q, 1.0, 1.0).tolist())
    steps = list(grads)
    for k, step in zip(adapted, u):
        steps[k] = step
    torch._foreach_mul_(states, MOMENTUM)
    torch._foreach_add_(states, steps)
    torch._foreach_add_(weights, states, alpha=-RATE)


def sgd(weights, grads, **form):
    parameters = [torch.nn.Parameter(w) for w in weights]
    for p, g in zip(parameters, grads):
        p.grad = g
    optimizer = torch.optim.SGD(parameters, lr=RATE, momentum=MOMENTUM, weight_decay=1e-4, **form)
    return optimizer.step


kept = {}


def tensors(table):
    if table not in kept:
        kept.clear()
        torch.manual_seed(0)
        weights = [torch.empty(s).uniform_(-0.05, 0.05) for s in shapes(table)]
        grads = [torch.empty(s).uniform_(-5e-4, 5e-4) for s in shapes(table)]
        kept[table] = weights, grads, [torch.zeros_like(w) for w in weights]
    return kept[table]


def variants(name, table, compiled):
    weights, grads, states = tensors(table)
    if name == "lars":
        yield "tensor by tensor", lambda: lars_step(weights, grads, states)
        if hasattr(torch, "_foreach_norm") and hasattr(torch.linalg, "vector_norm"):
            yield "foreach", lambda: lars_lists(weights, grads, states)
        if compiled and hasattr(torch, "compile"):
            step = torch.compile(lars_step, dynamic=False)
            yield "compiled", lambda: step(weights, grads, states)
        return
    for form in ({"foreach": False}, {"foreach": True}, {"fused": True}):
        try:
            yield next(iter(form)) + (" off" if False in form.values() else ""), sgd(weights, grads, **form)
        except (TypeError, RuntimeError):
            continue  # a form that this version does not have


def answer(words):
    version = {"torch": torch.__version__}
    if words[0] == "version":
        yield version
        return
    only_memory = words[0] == "memory"
    name, table = words[1:3] if only_memory else words[0:2]
    for variant, step in variants(name, table, "compiled" in words):
        record = {"bench": "torch optimizer", **version, "optimizer": name, "table": table, "variant": variant}
        try:
            if only_memory:
                step_of_sgd_state = name == "sgd"
                if step_of_sgd_state:  # the momentum exists after the first step
                    step()
                yield {**record, "memory_mb": round(memory.peak_of(step), 2)}
                continue
            for _ in range(2):
                step()
            samples, start = [], time.perf_counter()
            while len(samples) < 3 or time.perf_counter() - start < float(words[2]):
                before = time.perf_counter()
                step()
                samples.append(time.perf_counter() - before)
            yield {**record, "ms": round(1e3 * compare.median(samples), 3)}
        except Exception as e:  # torch.compile may refuse; the rest must go on
            yield {**record, "failed": (str(e) or type(e).__name__).splitlines()[0][:200]}


compare.serve(answer)
