#pragma once
/// The losses that ssl_loss knows. A new one is one more entry in one of the families below.

#include <string>
#include <vector>

#include "tools/entry.hpp"

namespace ssl_example {

std::vector<loss_entry> covariance_losses();   // moments of a view: VICReg, coding rate
std::vector<loss_entry> correlation_losses();  // moments of two views: Barlow Twins, spectral
std::vector<loss_entry> whitening_losses();    // W-MSE, VIbCReg, MMCR
std::vector<loss_entry> map_losses();          // VICRegL's local criterion
std::vector<loss_entry> pairwise_losses();     // similarities of all pairs: NT-Xent, DCL, uniformity
std::vector<loss_entry> target_losses();       // a network without gradient: BYOL, MoCo, DINO
std::vector<loss_entry> msb_losses();          // MSBReg and the readings of its terms

/// All of them.
std::vector<loss_entry> known_losses();

/// The entry of that name. ssl::option_error lists the known names.
const loss_entry& find_loss(const std::vector<loss_entry>& all, const std::string& name);

/// Name, formula, parameters with defaults, extra inputs and source of every loss.
std::string describe(const std::vector<loss_entry>& all);

}  // namespace ssl_example
