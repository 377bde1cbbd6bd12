#include "support/data_source.hpp"

#include <charconv>
#include <utility>

#include "ssl/data/cifar.hpp"
#include "ssl/data/idx.hpp"
#include "ssl/data/synthetic.hpp"

#if defined(SSL_HAS_ZLIB)
#include "ssl/data/gzip.hpp"
#endif

namespace ssl_example {

namespace {

ssl::index number(const std::string& text, const std::string& source) {
  ssl::index value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1)
    throw ssl::option_error("--data " + source + ": '" + text +
                            "' is not a number of images, expected synthetic:TRAIN,TEST");
  return value;
}

ssl::any_split generate(const std::string& sizes, const std::string& source, std::uint64_t seed) {
  ssl::index train = 2500, test = 500;
  if (!sizes.empty()) {
    const auto comma = sizes.find(',');
    train = number(sizes.substr(0, comma), source);
    test = comma == std::string::npos ? train / 4 + 1 : number(sizes.substr(comma + 1), source);
  }
  const ssl::synthetic_options options;
  return {ssl::make_synthetic(options, seed, train), ssl::make_synthetic(options, seed, test, train)};
}

/// Both parts in memory.
ssl::any_split held(ssl::dataset_split split) { return {std::move(split.train), std::move(split.test)}; }

}  // namespace

ssl::any_split load_data(const std::string& source, std::uint64_t seed) {
  const auto colon = source.find(':');
  const std::string kind = source.substr(0, colon),
                    rest = colon == std::string::npos ? "" : source.substr(colon + 1);
  if (kind == "synthetic") return generate(rest, source, seed);
  if ((kind == "cifar10" || kind == "cifar100" || kind == "idx") && rest.empty())
    throw ssl::option_error("--data " + source + ": the folder is missing, expected " + kind + ":DIR");
  if (kind == "cifar10") return held(ssl::read_cifar10(rest));
  if (kind == "cifar100") return held(ssl::read_cifar100(rest));
#if defined(SSL_HAS_ZLIB)
  if (kind == "idx") return held(ssl::read_idx(rest, ssl::gunzip{}));
#else
  if (kind == "idx") return held(ssl::read_idx(rest));
#endif
  throw ssl::option_error("--data " + source + ": '" + kind + "' is not known, expected " + data_help);
}

}  // namespace ssl_example
