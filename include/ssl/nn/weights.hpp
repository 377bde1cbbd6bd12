#pragma once
// SPDX-License-Identifier: MIT

/// Parameters in a file: a table in text, then the scalars.
///
///     bagssl-weights 1
///     scalar f32                                 or f64
///     segments 2
///     0.weight 64 27 0                           name rows cols offset
///     0.bias 64 1 1728
///     data 1792                                  scalars that follow the line's end, little-endian,
///                                                column-major, as the table says

#include <bit>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/segment.hpp"

namespace ssl {

static_assert(std::endian::native == std::endian::little, "ssl: weight files are little-endian.");

namespace detail {

template <class T>
inline constexpr const char* scalar_name = std::is_same_v<T, float> ? "f32" : "f64";

/// The `count` scalars that end a weight file.
template <class From, class T>
std::vector<T> read_scalars(std::ifstream& in, const std::string& path, index count) {
  std::vector<From> values(static_cast<std::size_t>(count));
  in.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(From)));
  if (in.gcount() != static_cast<std::streamsize>(values.size() * sizeof(From)))
    throw data_error(path + ": the file ends after " + std::to_string(in.gcount()) +
                     " bytes of data, expected " + std::to_string(values.size() * sizeof(From)));
  if (in.peek() != std::ifstream::traits_type::eof())
    throw data_error(path + ": there are bytes after the " + std::to_string(count) + " scalars of the table");
  return {values.begin(), values.end()};
}

}  // namespace detail

/// Writes a flat block (P, 1) and its table. The file appears complete or not at all: it is written beside
/// its place and then renamed. Waits for the backend. Throws data_error.
template <Backend B>
void save_weights(const std::string& path, B& be, const std::vector<segment>& table,
                  std::type_identity_t<cview<B>> params) {
  using T = typename B::scalar;
  if (params.rows != total_size(table) || params.cols != 1)
    throw shape_error("ssl::save_weights: the block is " + detail::extent(params) + ", its table has " +
                      std::to_string(total_size(table)) + " scalars");
  std::vector<T> host(static_cast<std::size_t>(params.rows));
  be.download(params, make_view(host.data(), params.rows, 1));
  be.wait();

  const std::string part = path + ".part";
  std::error_code failed;
  {
    std::ofstream out(part, std::ios::binary | std::ios::trunc);
    out << "bagssl-weights 1\nscalar " << detail::scalar_name<T> << "\nsegments " << table.size() << "\n";
    for (const segment& s : table) out << s.name << " " << s.rows << " " << s.cols << " " << s.offset << "\n";
    out << "data " << host.size() << "\n";
    out.write(reinterpret_cast<const char*>(host.data()),
              static_cast<std::streamsize>(host.size() * sizeof(T)));
    out.flush();
    if (!out) {
      out.close();
      std::filesystem::remove(part, failed);
      throw data_error(path + ": cannot be written");
    }
  }
  std::filesystem::rename(part, path, failed);
  if (failed) {
    const std::string why = failed.message();
    std::filesystem::remove(part, failed);
    throw data_error(path + ": cannot be put in place: " + why);
  }
}

/// Reads what `save_weights` wrote into a block with the same table; the scalar may differ. Nothing is
/// changed unless the whole file fits. Waits for the backend. Throws data_error.
template <Backend B>
void load_weights(const std::string& path, B& be, const std::vector<segment>& table, view<B> params) {
  using T = typename B::scalar;
  std::ifstream in(path, std::ios::binary);
  if (!in) throw data_error(path + ": cannot be opened");
  const auto line = [&] {
    std::string text;
    if (!std::getline(in, text)) throw data_error(path + ": the file ends inside its table");
    return text;
  };
  if (line() != "bagssl-weights 1") throw data_error(path + ": not a file of weights, version 1");
  const std::string scalar = line();
  if (scalar != "scalar f32" && scalar != "scalar f64")
    throw data_error(path + ": the second line is \"" + scalar +
                     "\", expected \"scalar f32\" or \"scalar f64\"");
  const std::string segments = line(), expected = "segments " + std::to_string(table.size());
  if (segments != expected)
    throw data_error(path + ": the file has " + segments + ", the network " + expected);
  for (const segment& s : table) {
    std::ostringstream mine;
    mine << s.name << " " << s.rows << " " << s.cols << " " << s.offset;
    const std::string theirs = line();
    if (theirs != mine.str())
      throw data_error(path + ": the file has the segment \"" + theirs + "\", the network expects \"" +
                       mine.str() + "\" (name, rows, columns, offset)");
  }
  const index count = total_size(table);
  if (params.rows != count || params.cols != 1)
    throw shape_error("ssl::load_weights: the block is " + detail::extent(params) + ", its table has " +
                      std::to_string(count) + " scalars");
  const std::string data = line(), announced = "data " + std::to_string(count);
  if (data != announced)
    throw data_error(path + ": the file announces \"" + data + "\", the network expects \"" + announced +
                     "\"");
  const std::vector<T> host = scalar == "scalar f32" ? detail::read_scalars<float, T>(in, path, count)
                                                     : detail::read_scalars<double, T>(in, path, count);
  be.upload(make_view(host.data(), count, 1), params);
  be.wait();
}

/// The parameters of a network, running statistics included.
template <class Network>
requires requires(Network& net) {
  net.table();
  net.params();
  net.backend();
}
void save_weights(const std::string& path, Network& net) {
  save_weights(path, net.backend(), net.table(), net.params());
}
template <class Network>
requires requires(Network& net) {
  net.table();
  net.params();
  net.backend();
}
void load_weights(const std::string& path, Network& net) {
  load_weights(path, net.backend(), net.table(), net.params());
}

}  // namespace ssl
