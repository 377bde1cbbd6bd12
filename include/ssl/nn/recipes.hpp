#pragma once
// SPDX-License-Identifier: MIT

/// Whole networks as values: residual networks, small encoders for patches, heads.

#include "ssl/nn/patch_encoder.hpp"
#include "ssl/nn/projector.hpp"
#include "ssl/nn/resnet.hpp"
