#pragma once
// SPDX-License-Identifier: MIT

/// Views by name: which crops, how many, of what size, and what is done to their colours, in the numbers of a
/// method's released code or paper. docs/views.md has the same as a table.
///
///     const view_recipe recipe = named_views("dino", {.image = 224, .local_views = 6});
///     const patch_views one_size(recipe.sampler(), recipe.colors, recipe.target(), recipe.filter);
///     const multi_views sizes(recipe.sampler(), recipe.colors, recipe.targets(), recipe.filter);
///
/// A recipe is plain values: what a dataset wants otherwise (its mean and deviation, say) is assigned.
/// What none of them repeats: code that resamples by PIL rounds to bytes between the steps, and solarises
/// before the conversion to floats; here everything after the crop is in floats.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "ssl/augment/photometric.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/shape.hpp"
#include "ssl/patch/crop.hpp"
#include "ssl/patch/multi_crop.hpp"

namespace ssl {

/// Crops of one kind and the side, in pixels, at which the network sees them.
struct view_group {
  crop_group crop{};
  index side = 32;
};

struct view_recipe {
  std::string_view name, source;
  index image = 32;  // side of the images in pixels, which are square
  std::vector<view_group> groups{};
  photometric colors{};
  resampling filter = resampling::triangle;

  multi_crop sampler() const {
    multi_crop s(image);
    for (const view_group& g : groups) s.add(g.crop);
    return s;
  }
  index views() const { return sampler().views(); }

  /// Each group's shape, for `multi_views`.
  std::vector<image_shape> targets(index channels = 3) const {
    std::vector<image_shape> shapes;
    for (const view_group& g : groups) shapes.push_back({channels, g.side, g.side});
    return shapes;
  }

  /// The shape of the views. Throws option_error where groups differ in it.
  image_shape target(index channels = 3) const {
    if (groups.empty()) throw option_error("ssl::view_recipe: " + std::string(name) + " has no group");
    for (const view_group& g : groups)
      if (g.side != groups.front().side)
        throw option_error("ssl::view_recipe: " + std::string(name) + " has views of " +
                           std::to_string(groups.front().side) + " and of " + std::to_string(g.side) +
                           " pixels, and one size was asked for");
    return {channels, groups.front().side, groups.front().side};
  }
};

/// What a recipe leaves to its user. 0 (for `local_views`: -1) takes the recipe's own number.
struct view_options {
  index image = 32;        // side of the images in pixels
  index views = 0;         // views of the first group: global crops, patches
  index local_views = -1;  // views of the second group, in recipes that have one; 0: none
  index side = 0;          // side of the first group's views as the network sees them; 0: `image`
  index local_side = 0;    // of the second group's; 0: round(3/7 side), which is 96 for 224
};

namespace detail {

inline constexpr gaussian_blur usual_blur(float probability) { return {.1f, 2, probability}; }
inline constexpr view_finish usual_finish(float blur, float solar) {
  return {usual_blur(blur), solarize{.probability = solar}};
}
/// Deviations of SwAV's released code, whose first is a misprint of 0.229 that VICRegL took over.
inline constexpr normalize swav_normalize() { return {{.485f, .456f, .406f}, {.228f, .224f, .225f}}; }

inline constexpr color_jitter byol_jitter{.4f, .4f, .2f, .1f, .8f}, moco_jitter{.4f, .4f, .4f, .1f, .8f},
    simclr_jitter{.8f, .8f, .8f, .2f, .8f}, emp_jitter{.4f, .4f, .4f, .2f, .8f};

/// `views` crops of `crop`'s kind unless the options say otherwise.
inline view_recipe recipe_of(std::string_view name, std::string_view source, const view_options& o,
                             crop_group crop, color_jitter jitter, float gray, view_finish even,
                             view_finish odd, normalize normal) {
  if (o.image < 1 || o.views < 0 || o.side < 0 || o.local_views < -1 || o.local_side < 0)
    throw option_error("ssl::view_recipe: " + std::string(name) + " for images of side " +
                       std::to_string(o.image) + ", " + std::to_string(o.views) + " views of side " +
                       std::to_string(o.side) + ", " + std::to_string(o.local_views) +
                       " local ones of side " + std::to_string(o.local_side) + "; none may be negative");
  if (o.views > 0) crop.views = o.views;
  view_recipe r{.name = name, .source = source, .image = o.image};
  r.groups.push_back({crop, o.side > 0 ? o.side : o.image});
  r.colors.jitter = jitter;
  r.colors.gray = {gray};
  r.colors.even = even;
  r.colors.odd = odd;
  r.colors.normal = normal;
  return r;
}

inline view_recipe alike(std::string_view name, std::string_view source, const view_options& o,
                         crop_group crop, color_jitter jitter, float gray, view_finish all,
                         normalize normal) {
  return recipe_of(name, source, o, crop, jitter, gray, all, all, normal);
}

/// Adds the second group; returns the number of the first local view.
inline index add_local(view_recipe& r, const view_options& o, crop_group local) {
  const index side = r.groups.front().side, first = r.groups.front().crop.views();
  if (o.local_views >= 0) local.views = o.local_views;
  if (local.views() > 0) {
    const index rounded = (6 * side + 7) / 14;
    r.groups.push_back({local, o.local_side > 0 ? o.local_side : rounded > 0 ? rounded : 1});
  }
  return first;
}

}  // namespace detail

/// VICReg's released code; Barlow Twins and BYOL share it. Bicubic.
inline view_recipe vicreg_views(const view_options& o = {}) {
  auto r = detail::recipe_of("vicreg", "facebookresearch/vicreg, arXiv 2105.04906", o, {.scale_min = .08},
                             detail::byol_jitter, .2f, detail::usual_finish(1, 0),
                             detail::usual_finish(.1f, .2f), imagenet_normalize());
  r.filter = resampling::cubic;
  return r;
}

/// VICReg as its paper's appendix is remembered and lightly has it: both views alike.
inline view_recipe vicreg_paper_views(const view_options& o = {}) {
  return detail::alike("vicreg_paper", "arXiv 2105.04906, lightly", o, {.scale_min = .08},
                       detail::byol_jitter, .2f, detail::usual_finish(.5f, .1f), imagenet_normalize());
}

/// VICReg for ImageNet-100: crops from 0.2.
inline view_recipe vicreg_in100_views(const view_options& o = {}) {
  return detail::alike("vicreg_in100", "vturrisi/solo-learn", o, {.scale_min = .2}, detail::byol_jitter, .2f,
                       detail::usual_finish(.5f, .1f), imagenet_normalize());
}

/// VICReg for CIFAR: crops from 0.2, no blur.
inline view_recipe vicreg_cifar_views(const view_options& o = {}) {
  return detail::alike("vicreg_cifar", "vturrisi/solo-learn", o, {.scale_min = .2}, detail::byol_jitter, .2f,
                       detail::usual_finish(0, .1f), cifar_normalize());
}

/// Barlow Twins, BYOL and DINO for CIFAR: no blur, the second view sometimes solarised.
inline view_recipe asymmetric_cifar_views(const view_options& o = {}) {
  return detail::recipe_of("asymmetric_cifar", "vturrisi/solo-learn", o, {.scale_min = .08},
                           detail::byol_jitter, .2f, {}, detail::usual_finish(0, .2f), cifar_normalize());
}

/// SimCLR and SwAV for CIFAR in solo-learn: strong colours, blur.
inline view_recipe symmetric_cifar_views(const view_options& o = {}) {
  return detail::alike("symmetric_cifar", "vturrisi/solo-learn", o, {.scale_min = .08}, detail::simclr_jitter,
                       .2f, detail::usual_finish(.5f, 0), cifar_normalize());
}

/// MoCo and SimSiam for CIFAR in solo-learn: weaker colours, blur.
inline view_recipe weak_cifar_views(const view_options& o = {}) {
  return detail::alike("weak_cifar", "vturrisi/solo-learn", o, {.scale_min = .08}, detail::moco_jitter, .2f,
                       detail::usual_finish(.5f, 0), cifar_normalize());
}

/// SimCLR on ImageNet, colour strength 1. Its own code colours in another order and by its own rules.
inline view_recipe simclr_views(const view_options& o = {}) {
  return detail::alike("simclr", "arXiv 2002.05709, lightly", o, {.scale_min = .08}, detail::simclr_jitter,
                       .2f, detail::usual_finish(.5f, 0), imagenet_normalize());
}

/// Colour strength 1/2 and no blur: SimCLR on CIFAR; DCL, TiCo and NMCE take it as it is.
inline view_recipe simclr_cifar_views(const view_options& o = {}) {
  return detail::alike("simclr_cifar", "arXiv 2002.05709, raminnakhli/Decoupled-Contrastive-Learning", o,
                       {.scale_min = .08}, detail::moco_jitter, .2f, {}, cifar_normalize());
}

/// MoCo v2, SimSiam and spectral contrastive on ImageNet. MoCo's code mirrors last, which changes no
/// distribution.
inline view_recipe moco_v2_views(const view_options& o = {}) {
  return detail::alike("moco_v2", "facebookresearch/moco, arXiv 2003.04297", o, {.scale_min = .2},
                       detail::moco_jitter, .2f, detail::usual_finish(.5f, 0), imagenet_normalize());
}

/// MoCo v2, SimSiam and spectral contrastive at 32 pixels: no blur.
inline view_recipe moco_v2_cifar_views(const view_options& o = {}) {
  return detail::alike("moco_v2_cifar", "arXiv 2003.04297, 2011.10566", o, {.scale_min = .2},
                       detail::moco_jitter, .2f, {}, cifar_normalize());
}

/// SwAV: two global crops and six local ones of 3/7 the side.
inline view_recipe swav_views(const view_options& o = {}) {
  auto r = detail::alike("swav", "facebookresearch/swav, arXiv 2006.09882", o, {.scale_min = .14},
                         detail::simclr_jitter, .2f, detail::usual_finish(.5f, 0), detail::swav_normalize());
  detail::add_local(r, o, {.scale_min = .05, .scale_max = .14, .views = 6});
  return r;
}

/// DINO: two global crops, the first always blurred, and eight local ones. Bicubic.
inline view_recipe dino_views(const view_options& o = {}) {
  auto r = detail::recipe_of("dino", "facebookresearch/dino, arXiv 2104.14294", o, {.scale_min = .4},
                             detail::byol_jitter, .2f, detail::usual_finish(1, 0),
                             detail::usual_finish(.1f, .2f), imagenet_normalize());
  r.colors.local_from = detail::add_local(r, o, {.scale_min = .05, .scale_max = .4, .views = 8});
  r.colors.local = detail::usual_finish(.5f, 0);
  r.filter = resampling::cubic;
  return r;
}

/// VICRegL with ConvNeXt: two global crops and six local ones; blur and solarising alternate over all eight.
inline view_recipe vicregl_views(const view_options& o = {}) {
  auto r = detail::recipe_of("vicregl", "facebookresearch/VICRegL, arXiv 2210.01571", o, {.scale_min = .4},
                             detail::byol_jitter, .2f, detail::usual_finish(1, 0),
                             detail::usual_finish(.1f, .2f), detail::swav_normalize());
  detail::add_local(r, o, {.scale_min = .08, .scale_max = .4, .views = 6});
  return r;
}

/// EMP-SSL: squares of a quarter of the area, 16 x 16 of 32 x 32, each coloured on its own; resized to the
/// image's side unless `side` says otherwise. Twenty patches, as its shortest runs have.
inline view_recipe emp_ssl_views(const view_options& o = {}) {
  return detail::alike("emp_ssl", "tsb0601/EMP-SSL, arXiv 2304.03977", o, crop_group::square(.25, 20),
                       detail::emp_jitter, .2f, detail::usual_finish(.1f, .1f), normalize{});
}

/// BagSSL: squares of a fifth of the area, 14 x 14 of 32 x 32, two a step. The scale is the paper's as it is
/// remembered; its colours are not known, EMP-SSL's are taken.
inline view_recipe bagssl_views(const view_options& o = {}) {
  return detail::alike("bagssl", "arXiv 2206.08954, colours of 2304.03977", o, crop_group::square(.2, 2),
                       detail::emp_jitter, .2f, detail::usual_finish(.1f, .1f), normalize{});
}

/// W-MSE on CIFAR, STL-10 and Tiny ImageNet. Its code colours before it crops, so that contrast sees the
/// whole image's mean; here the crop comes first. The normalisation is CIFAR's.
inline view_recipe w_mse_views(const view_options& o = {}) {
  auto r = detail::alike("w_mse", "htdt/self-supervised, arXiv 2007.06346", o, {.scale_min = .2},
                         detail::moco_jitter, .1f, {}, cifar_normalize());
  r.colors.flip_first = false;
  return r;
}

/// W-MSE on ImageNet-100; the order of its steps is not certain.
inline view_recipe w_mse_in100_views(const view_options& o = {}) {
  return detail::alike("w_mse_in100", "htdt/self-supervised, arXiv 2007.06346", o, {.scale_min = .08},
                       detail::simclr_jitter, .2f, {}, imagenet_normalize());
}

/// Alignment and uniformity on STL-10, crops to 64 pixels: colours always jittered, hue by 0.4. The
/// normalisation is not certain.
inline view_recipe align_uniform_views(const view_options& o = {}) {
  return detail::alike("align_uniform", "SsnL/align_uniform, arXiv 2005.10242", o, {.scale_min = .08},
                       {.4f, .4f, .4f, .4f, 1}, .2f, {}, imagenet_normalize());
}

/// A recipe by name.
struct named_view_recipe {
  std::string_view name;
  view_recipe (*make)(const view_options&);
};

/// All of them. Methods that share a recipe have it under each name.
inline constexpr named_view_recipe view_recipes[] = {
    {"vicreg", vicreg_views},
    {"barlow_twins", vicreg_views},
    {"byol", vicreg_views},
    {"vicreg_paper", vicreg_paper_views},
    {"vicreg_in100", vicreg_in100_views},
    {"vicreg_cifar", vicreg_cifar_views},
    {"asymmetric_cifar", asymmetric_cifar_views},
    {"symmetric_cifar", symmetric_cifar_views},
    {"weak_cifar", weak_cifar_views},
    {"simclr", simclr_views},
    {"simclr_cifar", simclr_cifar_views},
    {"moco_v2", moco_v2_views},
    {"simsiam", moco_v2_views},
    {"spectral", moco_v2_views},
    {"moco_v2_cifar", moco_v2_cifar_views},
    {"swav", swav_views},
    {"dino", dino_views},
    {"vicregl", vicregl_views},
    {"emp_ssl", emp_ssl_views},
    {"bagssl", bagssl_views},
    {"w_mse", w_mse_views},
    {"w_mse_in100", w_mse_in100_views},
    {"align_uniform", align_uniform_views},
};

/// The recipe of that name. Throws option_error where there is none, and says which there are, and where
/// local views are asked of a recipe without them.
inline view_recipe named_views(std::string_view name, const view_options& options = {}) {
  std::string known;
  for (const auto& entry : view_recipes) {
    if (entry.name == name) {
      view_recipe r = entry.make(options);
      r.name = entry.name;
      if (options.local_views > 0 && r.groups.size() < 2)
        throw option_error("ssl::named_views: " + std::string(name) +
                           " has no local views; add a group to its recipe");
      return r;
    }
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw option_error("ssl::named_views: no recipe is called \"" + std::string(name) + "\"; there are " +
                     known);
}

}  // namespace ssl
