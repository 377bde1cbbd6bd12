// A small ssl_loss has one family of losses: the others are empty here.
#include "tools/registry.hpp"

namespace ssl_example {

std::vector<loss_entry> correlation_losses() { return {}; }
std::vector<loss_entry> whitening_losses() { return {}; }
std::vector<loss_entry> map_losses() { return {}; }
std::vector<loss_entry> pairwise_losses() { return {}; }
std::vector<loss_entry> target_losses() { return {}; }
std::vector<loss_entry> msb_losses() { return {}; }

}  // namespace ssl_example
