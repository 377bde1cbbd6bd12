#!/usr/bin/env python3
"""The peer of bench/augment.cpp: the same augmentations by torchvision, on PIL images and on tensors of bytes. Reads its
questions from its input:

    torch_augment.py THREADS serve     PART SIDE IMAGES SECONDS, or `version`, a line each

PART: all, crop, flip, jitter, gray, blur, solarize, none. Images are made one by one, as a Dataset makes them; tensors also
by torchvision's transforms.v2, where there are. One worker is one core.
"""
import os
import random
import sys
import time

import numpy
import torch
import torchvision
from PIL import Image, ImageFilter, ImageOps
from torchvision import transforms

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
import compare  # noqa: E402

torch.set_num_threads(int(sys.argv[1]))
MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
ORDER = ("crop", "flip", "jitter", "gray", "blur", "solarize")


class PilBlur:
    def __call__(self, image):
        return image.filter(ImageFilter.GaussianBlur(radius=random.uniform(0.1, 2.0)))


class PilSolarize:
    def __call__(self, image):
        return ImageOps.solarize(image, 128)


def pil_chain(parts, side):
    t = transforms
    steps = {"crop": t.RandomResizedCrop(side, scale=(0.2, 1.0)), "flip": t.RandomHorizontalFlip(),
             "jitter": t.RandomApply([t.ColorJitter(0.4, 0.4, 0.2, 0.1)], p=0.8), "gray": t.RandomGrayscale(0.2),
             "blur": t.RandomApply([PilBlur()], p=0.5), "solarize": t.RandomApply([PilSolarize()], p=0.2)}
    return t.Compose([steps[p] for p in parts] + [t.ToTensor(), t.Normalize(MEAN, DEVIATION)])


def tensor_chain(t, parts, side, to_float):
    resize = {"antialias": True}
    try:
        t.RandomResizedCrop(side, **resize)
    except TypeError:
        resize = {}
    steps = {"crop": t.RandomResizedCrop(side, scale=(0.2, 1.0), **resize), "flip": t.RandomHorizontalFlip(),
             "jitter": t.RandomApply([t.ColorJitter(0.4, 0.4, 0.2, 0.1)], p=0.8), "gray": t.RandomGrayscale(0.2),
             "blur": t.RandomApply([t.GaussianBlur(5, (0.1, 2.0))], p=0.5), "solarize": t.RandomSolarize(128, p=0.2)}
    return t.Compose([steps[p] for p in parts] + [to_float, t.Normalize(MEAN, DEVIATION)])


def variants(part, side):
    parts = ORDER if part == "all" else () if part == "none" else (part,)
    numpy.random.seed(0)
    # Smooth random pictures: 4 x 4 colours, enlarged.
    images = [Image.fromarray(numpy.random.randint(0, 256, (4, 4, 3), numpy.uint8)).resize((32, 32), Image.BICUBIC)
              for _ in range(256)]
    arrays = [numpy.asarray(i) for i in images]
    tensors = [torch.from_numpy(a.copy()).permute(2, 0, 1).contiguous() for a in arrays]
    pil = pil_chain(parts, side)
    yield "PIL", lambda k: pil(Image.fromarray(arrays[k % 256]))
    old = tensor_chain(transforms, parts, side, transforms.ConvertImageDtype(torch.float32))
    yield "tensors", lambda k: old(tensors[k % 256])
    try:
        from torchvision.transforms import v2
        new = tensor_chain(v2, parts, side, v2.ToDtype(torch.float32, scale=True))
    except (ImportError, AttributeError):
        return
    yield "tensors, v2", lambda k: new(tensors[k % 256])


def answer(words):
    record = {"bench": "torch augmentation", "torch": torchvision.__version__}
    if words[0] == "version":
        yield record
        return
    part, side, count, seconds = words[0], int(words[1]), int(words[2]), float(words[3])
    for variant, one in variants(part, side):
        def run():
            before = time.perf_counter()
            for k in range(count):
                one(k)
            return (time.perf_counter() - before) / count
        run()
        samples, start = [], time.perf_counter()
        while len(samples) < 3 or time.perf_counter() - start < seconds:
            samples.append(run())
        took = compare.median(samples)
        yield {**record, "part": part, "side": side, "variant": variant, "us_image": round(1e6 * took, 2),
               "images_s": round(1 / took)}


compare.serve(answer)
