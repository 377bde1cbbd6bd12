#!/usr/bin/env python3
"""Prints the golden pixels that tests/augment and tests/patch compare against.

Needs torch and torchvision; the values in the tests come from torchvision 0.14.1 on double tensors. Every
image is byte(c, y, x) / 255 with byte(c, y, x) = (91 c + 53 y + 29 x + 17 x y + 5) mod 256. Values are
printed channel-last: channel fastest, then x, then y.
"""

import torch
import torchvision
from torchvision.transforms import functional as F
from torchvision.transforms import functional_tensor as FT


def image(channels, height, width):
    c = torch.arange(channels).view(-1, 1, 1)
    y = torch.arange(height).view(1, -1, 1)
    x = torch.arange(width).view(1, 1, -1)
    return ((91 * c + 53 * y + 29 * x + 17 * x * y + 5) % 256).to(torch.float64) / 255


def show(name, pixels):
    values = [f"{v:.10f}" for v in pixels.permute(1, 2, 0).reshape(-1).tolist()]
    print(f"{name}: {pixels.shape[0]} x {pixels.shape[1]} x {pixels.shape[2]}")
    for start in range(0, len(values), 6):
        print("    " + ", ".join(values[start : start + 6]) + ",")


def exact_gray(img, num_output_channels=1):
    """torchvision's gray with the first weight unrounded: 0.299 where torchvision has 0.2989."""
    r, g, b = img.unbind(dim=-3)
    gray = (0.299 * r + 0.587 * g + 0.114 * b).unsqueeze(dim=-3)
    return gray.expand(img.shape) if num_output_channels == 3 else gray


def main():
    print("torchvision", torchvision.__version__, "torch", torch.__version__)
    small = image(3, 3, 4)
    show("gray, torchvision's own weights", F.rgb_to_grayscale(small, 3)[:1])
    FT.rgb_to_grayscale = exact_gray
    show("brightness 1.3", F.adjust_brightness(small, 1.3))
    show("contrast 0.6", F.adjust_contrast(small, 0.6))
    show("contrast 1.4", F.adjust_contrast(small, 1.4))
    show("saturation 0.4", F.adjust_saturation(small, 0.4))
    show("saturation 1.5", F.adjust_saturation(small, 1.5))
    show("hue 0.1", F.adjust_hue(small, 0.1))
    show("hue -0.4", F.adjust_hue(small, -0.4))
    show("solarize 128/255", F.solarize(small, 128 / 255))
    show("contrast 0.6, one channel", F.adjust_contrast(image(1, 3, 4), 0.6))
    show("normalize imagenet", F.normalize(small, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    show("blur 5, sigma 0.8", F.gaussian_blur(image(3, 3, 4), [5, 5], [0.8, 0.8]))
    show("blur 3, sigma 1.5, one channel", F.gaussian_blur(image(1, 4, 5), [3, 3], [1.5, 1.5]))

    def resized(img, top, left, height, width, size):
        return F.resized_crop(img, top, left, height, width, size, antialias=True)

    one, three = image(1, 6, 6), image(3, 6, 6)
    show("6 x 6 to 4 x 4", resized(one, 0, 0, 6, 6, [4, 4]))
    show("6 x 6 to 2 x 2", resized(one, 0, 0, 6, 6, [2, 2]))
    show("box (1, 2) 4 x 3 to 5 x 2", resized(three, 2, 1, 3, 4, [2, 5]))

    def bicubic(img, top, left, height, width, size):
        mode = F.InterpolationMode.BICUBIC
        return F.resized_crop(img, top, left, height, width, size, mode, antialias=True).clamp(0, 1)

    show("bicubic, 6 x 6 to 4 x 4", bicubic(one, 0, 0, 6, 6, [4, 4]))
    show("bicubic, box (2, 1) 3 x 3 to 5 x 5", bicubic(one, 1, 2, 3, 3, [5, 5]))
    show("bicubic, box (1, 2) 4 x 3 to 5 x 2", bicubic(three, 2, 1, 3, 4, [2, 5]))
    show("box (2, 1) 3 x 3 to 5 x 5", resized(one, 1, 2, 3, 3, [5, 5]))


if __name__ == "__main__":
    main()
