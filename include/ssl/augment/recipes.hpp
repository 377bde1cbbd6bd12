#pragma once
// SPDX-License-Identifier: MIT

/// Augmentations by name, without the crop: flip, jitter, gray, blur, solarize, normalise, in the order and
/// with the numbers of the methods' released code.
///
/// Three channels are assumed. On any other number they all run, less what needs colour: saturation, hue and
/// gray do nothing, contrast takes the mean of all channels, and `normalize` takes the first channel's
/// numbers for one, the third's for those after the third. `normalize_by` has numbers for each of up to 16.

#include "ssl/augment/augmentation.hpp"
#include "ssl/augment/blur.hpp"
#include "ssl/augment/color_jitter.hpp"
#include "ssl/augment/flip.hpp"
#include "ssl/augment/grayscale.hpp"
#include "ssl/augment/normalize.hpp"
#include "ssl/augment/solarize.hpp"

namespace ssl {

/// EMP-SSL (arXiv 2304.03977, tsb0601/EMP-SSL): every patch on its own.
constexpr auto emp_ssl_augmentation() {
  return flip{} | color_jitter{.4f, .4f, .4f, .2f, .8f} | grayscale{.2f} | gaussian_blur{.1f, 2, .1f} |
         solarize{.probability = .1f} | normalize{};
}

/// VICReg's released code (facebookresearch/vicreg), shared with Barlow Twins and BYOL: the first view always
/// blurred, the second rarely blurred but sometimes solarised.
constexpr auto vicreg_official_augmentation() {
  constexpr auto colors = flip{} | color_jitter{.4f, .4f, .2f, .1f, .8f} | grayscale{.2f};
  return colors |
         per_view(gaussian_blur{.1f, 2, 1.0f} | solarize{.probability = 0},
                  gaussian_blur{.1f, 2, .1f} | solarize{.probability = .2f}) |
         imagenet_normalize();
}

/// VICReg's paper (arXiv 2105.04906): both views alike.
constexpr auto vicreg_paper_augmentation() {
  return flip{} | color_jitter{.4f, .4f, .2f, .1f, .8f} | grayscale{.2f} | gaussian_blur{.1f, 2, .5f} |
         solarize{.probability = .1f} | imagenet_normalize();
}

/// SimCLR (arXiv 2002.05709) on ImageNet, colour strength 1.
constexpr auto simclr_augmentation() {
  return flip{} | color_jitter{.8f, .8f, .8f, .2f, .8f} | grayscale{.2f} | gaussian_blur{.1f, 2, .5f} |
         imagenet_normalize();
}

/// SimCLR on CIFAR, colour strength 1/2 and no blur: also MoCo v2's and SimSiam's for 32 pixels.
constexpr auto simclr_cifar_augmentation() {
  return flip{} | color_jitter{.4f, .4f, .4f, .1f, .8f} | grayscale{.2f} | cifar_normalize();
}

/// MoCo v2 (arXiv 2003.04297), SimSiam (arXiv 2011.10566), spectral contrastive on ImageNet.
constexpr auto moco_v2_augmentation() {
  return flip{} | color_jitter{.4f, .4f, .4f, .1f, .8f} | grayscale{.2f} | gaussian_blur{.1f, 2, .5f} |
         imagenet_normalize();
}

/// Barlow Twins, BYOL and DINO on CIFAR (vturrisi/solo-learn, asymmetric): no blur, the second view sometimes
/// solarised.
constexpr auto asymmetric_cifar_augmentation() {
  return flip{} | color_jitter{.4f, .4f, .2f, .1f, .8f} | grayscale{.2f} |
         per_view(solarize{.probability = 0}, solarize{.probability = .2f}) | cifar_normalize();
}

/// VICReg on CIFAR (vturrisi/solo-learn): both views alike, no blur.
constexpr auto vicreg_cifar_augmentation() {
  return flip{} | color_jitter{.4f, .4f, .2f, .1f, .8f} | grayscale{.2f} | solarize{.probability = .1f} |
         cifar_normalize();
}

}  // namespace ssl
