// map_reduce of the GPU backend against CUB: sums of floats in double, in all, one a column and one a row, of
// matrices (rows, cols) stored column by column. One JSON object a line:
//     bench_reduce-cuda [SECONDS]
// CUB reads a row through an iterator that strides over the columns, which is the only way it has; its memory
// is taken before the clock starts. Ours adds onto its result, so filling that with zeros is part of it.
// `apart` is the largest difference of two sums over the largest sum.
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cub/device/device_reduce.cuh>
#include <cub/device/device_segmented_reduce.cuh>
#include <cuda/std/functional>
#include <vector>

#include "support/backend.hpp"

namespace ssl_bench {

/// Where segment k starts.
struct start_of {
  index length;
  SSL_FN index operator()(index k) const { return k * length; }
};

/// Element k of a matrix, counted row after row.
struct along_rows {
  const float* x;
  index rows, cols;
  SSL_FN double operator()(index k) const {
    const index i = k / cols;
    return static_cast<double>(x[i + (k - i * cols) * rows]);
  }
};

}  // namespace ssl_bench

namespace {

using ssl::index;
using ssl_bench::backend;

enum class kind { all, column, row };

/// One call of CUB: asks for its memory first, where `memory` is null.
cudaError_t by_cub(kind what, void* memory, std::size_t& bytes, const float* x, double* out, index rows,
                   index cols, cudaStream_t stream) {
  const auto counting = thrust::make_counting_iterator(index{0});
  if (what == kind::all)
    return cub::DeviceReduce::Reduce(memory, bytes, x, out, rows * cols, cuda::std::plus<>{}, 0.0, stream);
  if (what == kind::column) {
    const auto starts = thrust::make_transform_iterator(counting, ssl_bench::start_of{rows});
    return cub::DeviceSegmentedReduce::Reduce(memory, bytes, x, out, cols, starts, starts + 1,
                                              cuda::std::plus<>{}, 0.0, stream);
  }
  const auto values = thrust::make_transform_iterator(counting, ssl_bench::along_rows{x, rows, cols});
  const auto starts = thrust::make_transform_iterator(counting, ssl_bench::start_of{cols});
  return cub::DeviceSegmentedReduce::Reduce(memory, bytes, values, out, rows, starts, starts + 1,
                                            cuda::std::plus<>{}, 0.0, stream);
}

void measure(backend& be, double seconds, kind what, index rows, index cols) {
  const index count = what == kind::all ? 1 : what == kind::column ? cols : rows;
  const auto memory = be.allocate<float>(rows * cols);
  const auto x = ssl::as_const(memory.as(rows, cols));
  ssl_bench::fill_from_host(be, memory.all(), [](auto host) {
    for (index k = 0; k < host.size(); ++k)
      host.data[k] = static_cast<float>(k * 2654435761 % 1000) / 1000.0f;
  });
  const auto mine = be.allocate<double>(count), theirs = be.allocate<double>(count);
  const auto out = what == kind::row ? mine.as(count, 1) : mine.as(1, count);
  const auto ours = [&] {
    ssl::fill(be, out, 0.0);
    ssl::map_reduce(be, out, ssl::fn::plus{}, ssl::fn::cast<double>{}, x);
  };
  std::size_t bytes = 0;
  ssl::cuda::require_success(by_cub(what, nullptr, bytes, x.data, theirs.all().data, rows, cols, be.stream()),
                             "cub");
  const auto workspace = be.allocate<std::byte>(static_cast<index>(bytes) + 1);
  const auto cub = [&] {
    ssl::cuda::require_success(
        by_cub(what, workspace.all().data, bytes, x.data, theirs.all().data, rows, cols, be.stream()), "cub");
  };
  const double our_time = ssl_bench::time_of(be, seconds, 2, 5, ours).wall;
  const double cub_time = ssl_bench::time_of(be, seconds, 2, 5, cub).wall;
  const std::vector<double> a = ssl_bench::on_the_host(be, mine.all()),
                            b = ssl_bench::on_the_host(be, theirs.all());
  double apart = 0, largest = 1e-300;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const double difference = std::abs(a[k] - b[k]);
    if (!(difference <= apart)) apart = difference;
    largest = std::max(largest, std::abs(b[k]));
  }
  const double gigabytes = static_cast<double>(rows * cols) * sizeof(float) / 1e9;
  std::printf(
      "{\"bench\": \"reduce\", \"kind\": \"%s\", \"rows\": %td, \"cols\": %td, \"ours_us\": %.2f, "
      "\"cub_us\": %.2f, "
      "\"cub_over_ours\": %.2f, \"ours_gbs\": %.1f, \"cub_gbs\": %.1f, \"apart\": %.1e}\n",
      what == kind::all      ? "all"
      : what == kind::column ? "a column"
                             : "a row",
      static_cast<std::ptrdiff_t>(rows), static_cast<std::ptrdiff_t>(cols), our_time * 1e6, cub_time * 1e6,
      cub_time / our_time, gigabytes / our_time, gigabytes / cub_time, apart / largest);
}

}  // namespace

int main(int argc, char** argv) try {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.05;
  backend be = ssl_bench::make_backend({});
  // A projector's output at two batches, a wide one, the channels of a ResNet's first and last maps, and few
  // rows.
  const ssl::index shapes[][2] = {{2048, 512},  {8192, 4096}, {2048, 32768},
                                  {64, 262144}, {512, 4096},  {16, 65536}};
  for (const auto& [rows, cols] : shapes)
    for (const kind what : {kind::all, kind::column, kind::row}) measure(be, seconds, what, rows, cols);
} catch (const ssl::error& e) {
  std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
  return 2;
}
