#!/usr/bin/env python3
"""The peer of bench/eval.cpp: kNN, ridge regression and a soft-max probe in PyTorch. Reads its questions from its input:

    torch_eval.py THREADS serve      knn|ridge|sgd [EPOCHS], or `memory knn|ridge|sgd [EPOCHS]`, or `version`, a line each

10,000 test and 50,000 bank features of 512 numbers, ten classes, k 200, batch 256: as usual scripts do it, and for kNN with
chunks of several sizes, of which the fastest counts. sgd runs EPOCHS epochs (100).
"""
import os
import sys
import time

import torch
from torch.nn import functional

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
import compare  # noqa: E402
import memory  # noqa: E402

torch.set_num_threads(int(sys.argv[1]))
CLASSES, FEATURES, BANK, TEST, K = 10, 512, 50000, 10000, 200
kept = {}


def data():
    if not kept:
        torch.manual_seed(0)
        centre = 0.15 * torch.randn(CLASSES, FEATURES)
        for name, count in (("bank", BANK), ("test", TEST)):
            labels = torch.randint(0, CLASSES, (count,))
            kept[name] = functional.normalize(centre[labels] + torch.randn(count, FEATURES), dim=1), labels
    return kept["bank"], kept["test"]


def accuracy(scores, labels):
    return float((scores.argmax(1) == labels).float().mean())


@torch.no_grad()
def knn(chunk):
    (bank, labels), (test, answers) = data()
    right = 0
    for first in range(0, TEST, chunk):
        similar, place = (test[first:first + chunk] @ bank.t()).topk(K, dim=1, sorted=False)
        votes = torch.zeros(similar.shape[0], CLASSES)
        votes.scatter_add_(1, labels[place], (similar / 0.07).exp())
        right += int((votes.argmax(1) == answers[first:first + chunk]).sum())
    return right / TEST


@torch.no_grad()
def ridge():
    (bank, labels), (test, answers) = data()
    mean, target = bank.mean(0), functional.one_hot(labels, CLASSES).float()
    x, share = bank - mean, target.mean(0)
    gram = x.t() @ x
    gram.diagonal().add_(1e-3 * gram.diagonal().mean())
    solution = torch.cholesky_solve(x.t() @ (target - share), torch.linalg.cholesky(gram))
    return accuracy((test[:2000] - mean) @ solution + share, answers[:2000])


def sgd(epochs):
    (bank, labels), (test, answers) = data()
    layer = torch.nn.Linear(FEATURES, CLASSES)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    options = {"lr": 5.0, "momentum": 0.9, "weight_decay": 1e-6}
    try:
        optimizer = torch.optim.SGD(layer.parameters(), fused=True, **options)
    except (TypeError, RuntimeError):
        optimizer = torch.optim.SGD(layer.parameters(), **options)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for ids in torch.randperm(BANK).split(256):
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(layer(bank[ids]), labels[ids]).backward()
            optimizer.step()
        rate.step()
    with torch.no_grad():
        return accuracy(layer(test[:2000]), answers[:2000])


def variants(what, epochs):
    if what == "knn":
        for chunk in (500, 1000):
            yield f"chunks of {chunk}", lambda: knn(chunk)
    elif what == "ridge":
        yield "float", ridge
    else:
        yield "SGD", lambda: sgd(epochs)


def answer(words):
    record = {"bench": "torch evaluation", "torch": torch.__version__}
    if words[0] == "version":
        yield record
        return
    only_memory = words[0] == "memory"
    what = words[1 if only_memory else 0]
    numbers = [int(w) for w in words if w.isdigit()]
    data()
    if what == "sgd":
        sgd(1)
    for variant, run in variants(what, numbers[0] if numbers else 100):
        named = {**record, "what": what, "variant": variant}
        if only_memory:
            yield {**named, "memory_mb": round(memory.peak_of(run), 1)}
            continue
        if what == "ridge":
            run()
        before = time.perf_counter()
        right = run()
        yield {**named, "ms": round(1e3 * (time.perf_counter() - before), 2), "accuracy": round(right, 4)}


compare.serve(answer)
