#include "experiments/support/findings.hpp"

#include <locale>
#include <sstream>

namespace ssl_example {

std::vector<std::pair<std::string, double>> state_of(const ssl::step_record& last) {
  const ssl::health& h = last.projections;
  std::vector<std::pair<std::string, double>> all{{"rank", h.effective_rank},
                                                  {"participation", h.participation_ratio},
                                                  {"spread", h.feature_spread},
                                                  {"length", h.length},
                                                  {"collapsed", last.signs.empty() ? 0.0 : 1.0}};
  if (h.alignment) all.emplace_back("alignment", *h.alignment);
  for (const ssl::term_value& term : last.loss.terms)
    all.emplace_back("term " + std::string(term.name), term.value);
  return all;
}

std::string number_text(double value) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << value;
  return text.str();
}

change change_of(const estimate& difference) {
  if (!difference.differs_from_zero()) return change::undecided;
  return difference.low > 0 ? change::up : change::down;
}

std::string difference_text(const estimate& difference, int digits, bool percent) {
  estimate size = difference;
  if (size.mean < 0) {
    size.mean = -difference.mean;
    size.low = -difference.high;
    size.high = -difference.low;
  }
  switch (change_of(difference)) {
    case change::up:
      return "higher by " + size.text(digits, percent);
    case change::down:
      return "lower by " + size.text(digits, percent);
    default:
      return "not told apart (" + difference.text(digits, percent) + ")";
  }
}

std::string tally::text() const {
  return std::to_string(up) + " up, " + std::to_string(down) + " down, " + std::to_string(undecided) +
         " undecided";
}

outcome tally::verdict() const {
  if (all() == 0) return outcome::open;
  if (up == all()) return outcome::holds;
  if (up > 0) return outcome::in_part;
  return down > 0 ? outcome::not_here : outcome::open;
}

}  // namespace ssl_example
