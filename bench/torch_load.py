#!/usr/bin/env python3
"""The peer of bench/load.cpp: the same files by PIL and by torchvision. Reads its questions from its input:

    torch_load.py PROCESSES serve     DIR SIDE SECONDS, or `version`, a line each

Each process reads all of its share of the files, as a worker of a data loader does, to an array of bytes; SIDE 0: as they
are, else the shorter side to SIDE and the centre. PIL also with draft(), which decodes at a half, a quarter, an eighth.
"""
import multiprocessing
import os
import sys
import time

import numpy
import torch
import torchvision
from PIL import Image
from torchvision.transforms import functional

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
import compare  # noqa: E402

processes = int(sys.argv[1])
torch.set_num_threads(1)
resize = {"antialias": True}


def pil(path, side, draft=False):
    with Image.open(path) as image:
        if draft:
            scale = side / min(image.size)
            image.draft("RGB", (int(image.size[0] * scale), int(image.size[1] * scale)))
        image = image.convert("RGB")
    if side:
        image = functional.center_crop(functional.resize(image, side), side)
    return numpy.asarray(image)


def tensors(path, side):
    image = torchvision.io.decode_jpeg(torchvision.io.read_file(path), torchvision.io.ImageReadMode.RGB)
    if side:
        image = functional.center_crop(functional.resize(image, side, **resize), side)
    return image


VARIANTS = {"PIL": pil, "PIL, draft": lambda path, side: pil(path, side, True), "decode_jpeg": tensors}


def share(question):
    """Median seconds of a pass, by the wall and the processor, over this process's files."""
    variant, paths, side, seconds = question
    one = VARIANTS[variant]
    walls, used, start = [], [], time.perf_counter()
    while len(walls) < 3 or time.perf_counter() - start < seconds:
        wall, processor = time.perf_counter(), time.process_time()
        for path in paths:
            one(path, side)
        walls.append(time.perf_counter() - wall)
        used.append(time.process_time() - processor)
    return compare.median(walls), compare.median(used)


pool = multiprocessing.Pool(processes) if processes > 1 else None


def answer(words):
    record = {"bench": "torch load", "torch": torchvision.__version__}
    if words[0] == "version":
        yield record
        return
    folder, side, seconds = words[0], int(words[1]), float(words[2])
    paths = sorted(os.path.join(at, name) for at, _, names in os.walk(folder) for name in names)[:2000]
    for variant in VARIANTS:
        if variant == "PIL, draft" and not side:
            continue
        questions = [(variant, paths[k::processes], side, seconds) for k in range(processes)]
        try:
            took = pool.map(share, questions, 1) if pool else [share(questions[0])]
        except RuntimeError as error:  # a torchvision without JPEG
            yield {**record, "variant": variant, "failed": str(error)}
            continue
        wall, processor = max(t[0] for t in took), sum(t[1] for t in took)
        yield {**record, "variant": variant, "side": side, "images_s": round(len(paths) / wall),
               "us_image": round(1e6 * wall / len(paths), 2), "processor_us_image": round(1e6 * processor / len(paths), 2)}


compare.serve(answer)
