#include "tools/registry.hpp"

#include <iterator>

namespace ssl_example {

std::vector<loss_entry> known_losses() {
  std::vector<loss_entry> all;
  for (auto family : {covariance_losses, correlation_losses, whitening_losses, map_losses, pairwise_losses,
                      target_losses, msb_losses}) {
    auto entries = family();
    std::move(entries.begin(), entries.end(), std::back_inserter(all));
  }
  return all;
}

const loss_entry& find_loss(const std::vector<loss_entry>& all, const std::string& name) {
  std::string known;
  for (const loss_entry& entry : all) {
    if (entry.name == name) return entry;
    known += (known.empty() ? "" : ", ") + entry.name;
  }
  throw ssl::option_error((name.empty() ? "--loss is missing" : "--loss " + name + " is not known") +
                          ", expected one of " + known);
}

std::string describe(const std::vector<loss_entry>& all) {
  const auto list = [](const std::vector<std::string>& items) {
    std::string text;
    for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
    return text.empty() ? std::string("none") : text;
  };
  std::string text;
  for (const loss_entry& entry : all) {
    std::vector<std::string> parameters, inputs;
    for (const parameter& p : entry.parameters) parameters.push_back(p.name + " = " + short_text(p.value));
    const auto add = [&](wants how, const char* option) {
      constexpr const char* note[] = {"", " (not used)", " (optional)", ""};
      if (how != wants::nothing) inputs.push_back(std::string(option) + note[static_cast<int>(how)]);
    };
    add(entry.inputs.targets, "--targets");
    add(entry.inputs.directions, "--directions");
    add(entry.inputs.queue, "--queue");
    add(entry.inputs.prototypes, "--prototypes");
    text += entry.name + "\n  formula     " + entry.formula + "\n  parameters  " + list(parameters) +
            "\n  inputs      " + list(inputs) + "\n  source      " + entry.source + "\n";
  }
  return text;
}

}  // namespace ssl_example
