#include "support/progress.hpp"
#include "ssl/core/finite.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <locale>
#include <sstream>

#include "support/format.hpp"

#if __has_include(<sys/ioctl.h>) && __has_include(<unistd.h>)
#include <sys/ioctl.h>
#include <unistd.h>
#define SSL_EXAMPLE_TERMINAL 1
#else
#define SSL_EXAMPLE_TERMINAL 0
#endif

namespace ssl_example {
namespace {

constexpr double seconds_between_lines = 0.2;

bool stderr_is_terminal() {
#if SSL_EXAMPLE_TERMINAL
  const char* kind = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
#else
  return false;
#endif
}

std::size_t terminal_width() {
#if SSL_EXAMPLE_TERMINAL
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
#endif
  return 80;
}

/// The first `width` characters of UTF-8 text, control characters left out.
std::string cut(std::string_view text, std::size_t width) {
  std::string kept;
  std::size_t used = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) continue;
    if ((byte & 0xc0u) != 0x80u && ++used > width) break;  // not a continuation byte
    kept += c;
  }
  return kept;
}

/// Four significant digits: losses span orders of magnitude.
std::string short_number(double value) {
  if (ssl::is_nan(value)) return "nan";
  if (ssl::is_infinite(value)) return value > 0 ? "inf" : "-inf";
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text.precision(4);
  text << value;
  return text.str();
}

double seconds(std::chrono::steady_clock::duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

progress::progress(bool quiet)
    : quiet_(quiet), live_(!quiet && stderr_is_terminal()), shown_at_(clock::now()), began_at_(shown_at_) {}

progress::~progress() { finish(); }

void progress::step(const progress_state& state) {
  if (quiet_) return;
  if (began_steps_ < 0) {  // the first step warms caches up: time is left by the ones after it
    began_steps_ = static_cast<double>((state.epoch - 1) * state.steps + state.step);
    began_at_ = shown_at_ = clock::now();
    shown_images_ = state.images;
    if (live_) show(state);
    return;
  }
  if (live_ && seconds(clock::now() - shown_at_) >= seconds_between_lines) show(state);
}

void progress::epoch(const progress_state& state) {
  if (!quiet_) show(state);
}

void progress::show(const progress_state& state) {
  line_ = describe(state, clock::now());
  if (live_) {
    std::cerr << '\r' << cut(line_, terminal_width() - 1) << "\033[K" << std::flush;
    pending_ = true;
  } else {
    std::cerr << line_ << std::endl;
  }
}

std::string progress::describe(const progress_state& state, clock::time_point now) {
  const double passed = seconds(now - shown_at_);
  const auto images = static_cast<double>(state.images - shown_images_);
  if (images > 0 && passed > 1e-6) {
    const double fresh = images / passed;
    const double weight =
        rate_ > 0 ? 1.0 - std::exp(-passed / 3.0) : 1.0;  // forgets within about three seconds
    rate_ += weight * (fresh - rate_);
  }
  shown_at_ = now;
  shown_images_ = state.images;

  const auto done = static_cast<double>((state.epoch - 1) * state.steps + state.step);
  const auto total = static_cast<double>(state.epochs * state.steps);
  const double since = done - began_steps_;
  std::string place = "epoch " + std::to_string(state.epoch) + "/" + std::to_string(state.epochs);
  if (live_) place += "  step " + std::to_string(state.step) + "/" + std::to_string(state.steps);
  std::string rate;
  if (rate_ > 0) rate = "  " + count(rate_) + " images/s";
  std::string left;
  if (total > done && began_steps_ >= 0 && since > 0) {
    left = "  " + duration(seconds(now - began_at_) / since * (total - done)) + " left";
  }
  std::string values;
  for (const named_value& term : state.terms) {
    values += "  " + (term.name.empty() ? std::string("loss") : std::string(term.name)) + " " +
              short_number(term.value);
  }
  if (state.feature_spread) values += "  spread " + short_number(*state.feature_spread);
  if (state.effective_rank) values += "  rank " + fixed(*state.effective_rank, 1);
  if (state.alignment) values += "  align " + fixed(*state.alignment, 2);
  if (state.uniformity) values += "  unif " + fixed(*state.uniformity, 2);
  // A narrow terminal does without the speed, then without the time left; what is left is cut at its edge.
  const auto fits = [&] { return !live_ || (place + rate + left + values).size() < terminal_width(); };
  if (!fits()) rate.clear();
  if (!fits()) left.clear();
  return place + rate + left + values;
}

void progress::note(std::string_view text) {
  if (quiet_) return;
  if (pending_) std::cerr << "\r\033[K";
  std::cerr << text << '\n';
  if (pending_) std::cerr << cut(line_, terminal_width() - 1);
  std::cerr << std::flush;
}

void progress::finish() {
  if (pending_) std::cerr << std::endl;
  pending_ = false;
}

}  // namespace ssl_example
