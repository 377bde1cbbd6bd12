#pragma once
// SPDX-License-Identifier: MIT

/// Parameters to and from PyTorch: a folder with NAME.npy for each, in PyTorch's layout (nn/torch_layout.hpp
/// has shapes and names). From PyTorch:
///
///     for name, value in model.state_dict().items():
///         numpy.save(f"{folder}/{name}.npy", value.numpy())
///
/// and back:
///
///     files = pathlib.Path(folder).glob("*.npy")
///     model.load_state_dict({f.stem: torch.from_numpy(numpy.load(f)) for f in files}, strict=False)

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include "ssl/backend/verbs.hpp"
#include "ssl/data/npy.hpp"
#include "ssl/nn/torch_layout.hpp"

namespace ssl {

/// torchvision's classifier: files that an encoder may leave unread.
inline const std::vector<std::string> torch_classifier = {"fc.weight", "fc.bias"};

namespace detail {

inline void require_unique_names(const char* where, const std::vector<segment>& table) {
  std::vector<std::string> names;
  for (const segment& s : table) names.push_back(s.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    throw shape_error("ssl::" + std::string(where) + ": the network has two parameters called " + *twice +
                      ", expected names that tell files apart");
}

/// Throws data_error if the folder holds a parameter that neither the table nor `unread` knows. Batch norm's
/// counters of steps say nothing here.
inline void require_known_names(const std::filesystem::path& folder, const std::vector<segment>& table,
                                const std::vector<std::string>& unread) {
  std::error_code failed;
  std::filesystem::directory_iterator at(folder, failed);
  if (failed) throw data_error(folder.string() + ": cannot be read as a folder: " + failed.message());
  std::vector<std::string> unknown;
  for (const auto& entry : at) {
    if (entry.path().extension() != ".npy") continue;
    const std::string name = entry.path().stem().string();
    if (name.ends_with("num_batches_tracked")) continue;
    const auto is_name = [&](const segment& s) { return s.name == name; };
    if (std::find(unread.begin(), unread.end(), name) == unread.end() &&
        std::none_of(table.begin(), table.end(), is_name))
      unknown.push_back(entry.path().string());
  }
  if (!unknown.empty())
    throw data_error(*std::min_element(unknown.begin(), unknown.end()) +
                     ": the network has no parameter of that name");
}

inline std::filesystem::path torch_file(const std::filesystem::path& folder, const segment& s) {
  return folder / (s.name + ".npy");
}

}  // namespace detail

/// params (P, 1), laid out as `table` says, = the arrays of a folder, of any number type. Every parameter
/// must be there, finite and with PyTorch's shape, and no other but those that may stay `unread` and
/// `num_batches_tracked`; files that do not end in .npy are not looked at. Nothing is changed unless
/// everything fits. Waits for the backend. Throws data_error, which begins with the path of what does not
/// fit.
template <Backend B>
void import_torch_weights(const std::filesystem::path& folder, B& be, const std::vector<segment>& table,
                          std::type_identity_t<view<B>> params,
                          const std::vector<std::string>& unread = torch_classifier) {
  using T = typename B::scalar;
  if (params.rows != total_size(table) || params.cols != 1)
    throw shape_error("ssl::import_torch_weights: the block is " + detail::extent(params) +
                      ", its table has " + std::to_string(total_size(table)) + " scalars");
  detail::require_unique_names("import_torch_weights", table);
  detail::require_known_names(folder, table, unread);
  std::vector<T> host(static_cast<std::size_t>(params.rows));
  for (const segment& s : table) {
    const npy_array array = read_npy(detail::torch_file(folder, s));
    const std::vector<index> shape = torch_shape(s);
    if (array.shape != shape)
      throw data_error(array.path + ": has shape " + npy_shape_text(array.shape) +
                       ", the network's parameter has " + npy_shape_text(shape));
    require_finite(array);
    const std::vector<T> values = from_torch_layout(s, array.template as<T>());
    std::copy(values.begin(), values.end(), host.begin() + s.offset);
  }
  be.upload(as_const(make_view(host.data(), params.rows, 1)), params);
  be.wait();
}

/// Writes params (P, 1), laid out as `table` says, as one .npy a parameter into a folder, which is made if
/// it is not there; each file appears complete or not at all, over one of the same name. Waits for the
/// backend. Throws data_error.
template <Backend B>
void export_torch_weights(const std::filesystem::path& folder, B& be, const std::vector<segment>& table,
                          std::type_identity_t<cview<B>> params) {
  using T = typename B::scalar;
  if (params.rows != total_size(table) || params.cols != 1)
    throw shape_error("ssl::export_torch_weights: the block is " + detail::extent(params) +
                      ", its table has " + std::to_string(total_size(table)) + " scalars");
  detail::require_unique_names("export_torch_weights", table);
  std::vector<T> host(static_cast<std::size_t>(params.rows));
  be.download(params, make_view(host.data(), params.rows, 1));
  be.wait();
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw data_error(folder.string() + ": cannot be made: " + failed.message());
  for (const segment& s : table) {
    const auto at = std::span<const T>(host).subspan(static_cast<std::size_t>(s.offset),
                                                     static_cast<std::size_t>(s.size()));
    write_npy(detail::torch_file(folder, s), torch_shape(s), to_torch_layout(s, at));
  }
}

/// The parameters of a network, running statistics included.
template <class Network>
requires requires(Network& net) {
  net.table();
  net.params();
  net.backend();
}
void import_torch_weights(const std::filesystem::path& folder, Network& net,
                          const std::vector<std::string>& unread = torch_classifier) {
  import_torch_weights(folder, net.backend(), net.table(), net.params(), unread);
}
template <class Network>
requires requires(Network& net) {
  net.table();
  net.params();
  net.backend();
}
void export_torch_weights(const std::filesystem::path& folder, Network& net) {
  export_torch_weights(folder, net.backend(), net.table(), net.params());
}

}  // namespace ssl
