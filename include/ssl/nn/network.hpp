#pragma once
// SPDX-License-Identifier: MIT

/// Binding: a layer, an input shape and a largest batch become parameters, gradients and a tape.

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ssl/core/random.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/nn/layer.hpp"

namespace ssl {

namespace detail {

/// The starting value of one entry: a pure function of (seed, epoch, segment, entry).
template <class T>
struct draw_entry {
  rng_key key;
  index number = 0;  // of the segment
  initialiser start;
  SSL_FN T operator()(index i, index) const {
    random_stream draw(key, number, i, purpose::initialise);
    if (start.how == initialiser::kind::normal)
      return static_cast<T>(start.value) * static_cast<T>(draw.normal());
    return static_cast<T>(start.value) * (T{2} * static_cast<T>(draw.uniform()) - T{1});
  }
};

}  // namespace detail

/// A layer (usually a chain) with memory: three blocks, allocated here and never again.
///
///     network encoder(be, patch_encoder(), {3, 16, 16}, 512);
///     encoder.initialise({.seed = 1});
///     encoder.forward(ctx, x, h);    // x (3, 256 n), h (128, n)
///     encoder.backward(ctx, dh);     // encoder.grads() += ...
template <class Arch, Backend B>
class network {
 public:
  using scalar = typename B::scalar;
  using arch_type = Arch;
  using backend_type = B;

  /// Throws shape_error where the layers do not fit the input. `max_batch` = 0 makes a network without tape
  /// and gradients, for `forward_only` and evaluation. The backend must outlive the network. Parameters are
  /// undefined until `initialise` or a load.
  network(B& be, Arch arch, image_shape input, index max_batch)
      : be_(&be),
        arch_(std::move(arch)),
        in_(input),
        max_batch_(max_batch),
        table_(placed(arch_.parameters(checked(input, max_batch)))),
        count_(total_size(table_)) {
    static_assert(check_layer<Arch, context<B>>());
    out_ = arch_.output(in_);
    own_params_ = allocate<scalar>(be, count_, "parameters");
    own_grads_ = allocate<scalar>(be, max_batch > 0 ? count_ : 0, "gradients of parameters");
    params_ = {own_params_.all().data, count_, 1, count_};
    grads_ = own_grads_.all();
    allocate_tape();
    fill(be, params(), scalar{0});
    fill(be, grads(), scalar{0});
  }

  /// The same layer on inputs of another shape: parameters and gradients are those of `owner`, which must
  /// outlive this, the tape is its own. So images of several sizes go through one network and add to one
  /// gradient. Throws shape_error where the number of parameters depends on the input's shape.
  network(network& owner, image_shape input, index max_batch)
      : be_(owner.be_),
        arch_(owner.arch_),
        in_(input),
        max_batch_(max_batch),
        table_(placed(arch_.parameters(checked(input, max_batch)))),
        count_(total_size(table_)),
        params_(owner.params_),
        grads_(owner.grads_) {
    bool same = table_.size() == owner.table_.size() && (max_batch == 0 || owner.max_batch_ > 0);
    for (std::size_t k = 0; same && k < table_.size(); ++k)
      same = table_[k].offset == owner.table_[k].offset && table_[k].size() == owner.table_[k].size();
    if (!same)
      throw shape_error("ssl::network: inputs of " + detail::text(in_) + " and of " +
                        detail::text(owner.in_) +
                        " cannot share parameters: their number depends on the input's shape, or gradients "
                        "are missing");
    out_ = arch_.output(in_);
    allocate_tape();
  }

  /// All parameters as one column (P, 1), laid out as `table()` says; buffers (running statistics) included.
  view<B> params() const { return params_; }
  /// Their gradients (P, 1); zero for buffers. (0, 1) where `max_batch()` is 0.
  view<B> grads() const { return grads_; }
  const std::vector<segment>& table() const { return table_; }
  const Arch& arch() const { return arch_; }
  B& backend() const { return *be_; }

  image_shape input_shape() const { return in_; }
  image_shape output_shape() const { return out_; }
  index max_batch() const { return max_batch_; }
  /// Scalars that a training step on `max_batch()` images keeps.
  index tape_size() const { return tape_.size(); }

  /// Every parameter = its initialiser's draw. Networks of one run take keys that differ in seed or epoch.
  void initialise(rng_key key) {
    for (std::size_t k = 0; k < table_.size(); ++k) {
      const segment& s = table_[k];
      const auto values = slice(params(), s.offset, s.size());
      if (s.start.how == initialiser::kind::constant)
        fill(*be_, values, static_cast<scalar>(s.start.value));
      else
        map(*be_, values, detail::draw_entry<scalar>{key, static_cast<index>(k), s.start});
    }
  }

  /// grads() = 0.
  void zero_grads() { fill(*be_, grads(), scalar{0}); }

  /// y = f(x), x (c, pixels * n), y (c', pixels' * n), both contiguous. In mode::train n is at most
  /// `max_batch()`, and x and y must stay as they are until `backward`; in mode::eval any n is good.
  template <class Ctx>
  void forward(Ctx& ctx, cview<B> x, view<B> y) {
    n_ = 0;
    const index n = checked_batch("network::forward", x, y);
    const bool train = ctx.phase == mode::train;
    run(ctx, x, y, n, train, false);
    if (train) x_ = x, y_ = y, n_ = n;
  }

  /// The same for x that `forward_only` has seen in mode::train: running statistics stay as they are.
  template <class Ctx>
  void forward_again(Ctx& ctx, cview<B> x, view<B> y) {
    n_ = 0;
    const index n = checked_batch("network::forward_again", x, y);
    run(ctx, x, y, n, true, true);
    x_ = x, y_ = y, n_ = n;
  }

  /// y = f(x) for any n, and nothing is kept for a `backward`. In mode::train with the batch's statistics,
  /// and running ones move. An earlier `forward` can still go back.
  template <class Ctx>
  void forward_only(Ctx& ctx, cview<B> x, view<B> y) {
    run(ctx, x, y, checked_batch("network::forward_only", x, y), false, false);
  }

  /// grads() += dL/dparams and, where it is given, dx = dL/dx, for the last training forward, once: going
  /// back uses up what that kept.
  template <class Ctx>
  void backward(Ctx& ctx, cview<B> dy, std::type_identity_t<view<B>> dx = {}) {
    if (n_ == 0)
      throw shape_error(
          "ssl::network::backward: there is no forward pass in mode::train to go back through; call forward "
          "first");
    require_map("network::backward", "dy", dy, out_, n_);
    if (dx.data) require_map("network::backward", "dx", dx, in_, n_);
    scratch_scope scope(ctx);
    arch_.backward(
        ctx, in_, n_,
        pass<B>{
            .params = params(), .x = x_, .y = y_, .tape = tape(n_), .dy = dy, .dx = dx, .dparams = grads()});
    n_ = 0;
  }

 private:
  static image_shape checked(image_shape in, index max_batch) {
    if (in.channels < 1 || in.height < 1 || in.width < 1 || max_batch < 0)
      throw shape_error("ssl::network: the input is " + detail::text(in) + " with batches up to " +
                        std::to_string(max_batch) + "; channels, height and width must be positive");
    return in;
  }

  static std::vector<segment> placed(std::vector<segment> table) {
    index offset = 0;
    for (segment& s : table) {
      s.offset = offset;
      offset += s.size();
    }
    return table;
  }

  index checked_batch(const char* where, cview<B> x, view<B> y) const {
    const index n = x.cols / in_.pixels();
    require_map(where, "x", x, in_, n);
    require_map(where, "y", y, out_, n);
    return n;
  }

  template <class Ctx>
  void run(Ctx& ctx, cview<B> x, view<B> y, index n, bool keep, bool replay) {
    if (keep && n > max_batch_)
      throw shape_error("ssl::network::forward: the batch has " + std::to_string(n) +
                        " images, the network was made to train at most " + std::to_string(max_batch_));
    if (n == 0) return;
    scratch_scope scope(ctx);
    arch_.forward(
        ctx, in_, n,
        pass<B>{.params = params(), .x = x, .y = y, .tape = keep ? tape(n) : view<B>{}, .replay = replay});
  }

  template <class V>
  static void require_map(const char* where, const char* name, const V& v, image_shape s, index n) {
    if (v.rows == s.channels && v.cols == s.pixels() * n && v.contiguous()) return;
    throw shape_error("ssl::" + std::string(where) + ": " + name + " is " + detail::extent(v) +
                      (v.contiguous() ? "" : " with gaps between its columns") + ", expected a contiguous " +
                      detail::extent(s.channels, s.pixels() * n) + ": " + std::to_string(n) + " images of " +
                      detail::text(s));
  }

  void allocate_tape() {
    tape_ = allocate<scalar>(*be_, max_batch_ > 0 ? arch_.tape(in_, max_batch_) : 0,
                             "the activations that a training step keeps");
  }

  view<B> tape(index n) const { return slice(tape_.all(), 0, arch_.tape(in_, n)); }

  using buffer = decltype(std::declval<B&>().template allocate<scalar>(index{}));

  B* be_;
  Arch arch_;
  image_shape in_, out_;
  index max_batch_;
  std::vector<segment> table_;
  index count_;
  buffer own_params_, own_grads_, tape_;  // the first two stay empty where another network owns them
  view<B> params_{}, grads_{};            // (P, 1)
  cview<B> x_{};
  view<B> y_{};
  index n_ = 0;
};

}  // namespace ssl
