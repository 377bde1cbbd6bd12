// The threads of a block, on one thread of the host: each is a call until it meets a barrier, where it is set
// aside with its stack and another one goes on.

#include <cuda_runtime.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <numeric>
#include <vector>

#include "emulation/device.hpp"

#if defined(SSL_EMULATION_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

emulated_index threadIdx, blockIdx, blockDim, gridDim;

#if defined(__x86_64__)
// Saves what a call must preserve on this stack, goes over to another one. (void** leave_here, void*
// go_on_there)
extern "C" void ssl_emulation_switch(void**, void*);
asm(R"(
.text
.p2align 4
.globl ssl_emulation_switch
.type ssl_emulation_switch, @function
ssl_emulation_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size ssl_emulation_switch, .-ssl_emulation_switch
)");
#endif

namespace ssl::test::emulation {
namespace {

#if defined(SSL_EMULATION_ASAN)
constexpr std::size_t stack_bytes = std::size_t{1} << 19;
#else
constexpr std::size_t stack_bytes = std::size_t{1} << 16;
#endif
constexpr std::size_t page = 4096;

struct fiber {
  char* stack = nullptr;
  std::size_t size = 0;
  unsigned thread = 0;  // whose call it holds
  void* fake_stack = nullptr;
#if defined(__x86_64__)
  void* top = nullptr;
#else
  ucontext_t context{};
#endif
};

/// At most one entry a thread; a vector's growth would be most of the cost of a barrier.
struct fiber_list {
  fiber* items[1024];
  unsigned count = 0;

  void push(fiber* f) { items[count++] = f; }
};

struct scheduler {
  fiber host;
  fiber* current = nullptr;  // null outside a kernel
  fiber* before = nullptr;
  std::vector<std::unique_ptr<fiber>> fibers;
  std::vector<fiber*> idle;
  fiber_list ready;  // from `next_ready` on
  unsigned next_ready = 0;
  fiber_list at_block_barrier, at_warp_barrier;
  std::vector<std::uint64_t> exchanged;
  const std::function<void()>* body = nullptr;
  std::optional<shuffled> order;
  unsigned threads = 0, started = 0, finished = 0;
  std::string error;
  bool failed = false;
};

scheduler& the_scheduler = *new scheduler;
inline scheduler& state() { return the_scheduler; }

void switch_to(fiber* to) {
  scheduler& s = state();
  fiber* const from = s.current;
  if (from == to) return;
  s.before = from;
  s.current = to;
#if defined(SSL_EMULATION_ASAN)
  __sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->size);
#endif
#if defined(__x86_64__)
  ssl_emulation_switch(&from->top, to->top);
#else
  swapcontext(&from->context, &to->context);
#endif
#if defined(SSL_EMULATION_ASAN)
  __sanitizer_finish_switch_fiber(from->fake_stack, nullptr, nullptr);
#endif
}

[[noreturn]] void life_of_a_fiber();

void prepare(fiber& f, std::size_t number) {
#if defined(SSL_EMULATION_ASAN)
  ASAN_UNPOISON_MEMORY_REGION(f.stack, f.size);
#endif
#if defined(__x86_64__)
  // Not all at one distance, or they would all fall into the same sets of the cache.
  auto** top = reinterpret_cast<void**>(f.stack + f.size - 64 * (number * 7 % 64) - 64);
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(&life_of_a_fiber);
  for (int saved = 0; saved < 6; ++saved) *--top = nullptr;
  f.top = top;
#else
  static_cast<void>(number);
  getcontext(&f.context);
  f.context.uc_stack.ss_sp = f.stack;
  f.context.uc_stack.ss_size = f.size;
  f.context.uc_link = nullptr;
  makecontext(&f.context, reinterpret_cast<void (*)()>(&life_of_a_fiber), 0);
#endif
}

fiber* an_idle_fiber() {
  scheduler& s = state();
  if (s.idle.empty()) {
    auto f = std::make_unique<fiber>();
    void* const memory = mmap(nullptr, stack_bytes + page, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE) != 0) {
      std::perror("emulation: a stack for a device thread");
      std::abort();
    }
    f->stack = static_cast<char*>(memory) + page;
    f->size = stack_bytes;
    prepare(*f, s.fibers.size());
    s.idle.push_back(f.get());
    s.fibers.push_back(std::move(f));
  }
  fiber* const f = s.idle.back();
  s.idle.pop_back();
  return f;
}

/// Who goes on where the current one cannot.
fiber* next() {
  scheduler& s = state();
  if (s.failed) return &s.host;
  if (s.next_ready < s.ready.count) return s.ready.items[s.next_ready++];
  if (s.started < s.threads) return an_idle_fiber();
  return &s.host;
}

void life_of_a_fiber() {
  scheduler& s = state();
#if defined(SSL_EMULATION_ASAN)
  const void* bottom = nullptr;
  std::size_t size = 0;
  __sanitizer_finish_switch_fiber(nullptr, &bottom, &size);
  if (s.before == &s.host) {
    s.host.stack = const_cast<char*>(static_cast<const char*>(bottom));
    s.host.size = size;
  }
#endif
  for (;;) {
    while (s.started < s.threads && !s.failed) {
      ++s.started;
      const auto thread = static_cast<unsigned>(s.order->next());
      s.current->thread = thread;
      threadIdx.x = thread;
      try {
        (*s.body)();
      } catch (const std::exception& e) {
        s.error = std::string("a kernel threw: ") + e.what();
        s.failed = true;
      } catch (...) {
        s.error = "a kernel threw";
        s.failed = true;
      }
      ++s.finished;
    }
    s.idle.push_back(s.current);
    switch_to(next());
  }
}

void wait_at(fiber_list& barrier) {
  scheduler& s = state();
  if (s.current == nullptr || s.current == &s.host) {
    std::fputs("emulation: a barrier outside a kernel\n", stderr);
    std::abort();
  }
  fiber* const me = s.current;
  barrier.push(me);
  switch_to(next());
  threadIdx.x = me->thread;
}

/// All that wait at a barrier may go on, in another order.
void release(fiber_list& barrier) {
  scheduler& s = state();
  s.next_ready = 0;
  s.ready.count = barrier.count;
  shuffled order(barrier.count);
  for (unsigned k = 0; k < barrier.count; ++k) s.ready.items[k] = barrier.items[order.next()];
  barrier.count = 0;
}

/// Releases the warps that are complete; false where none is.
bool release_warps() {
  scheduler& s = state();
  const fiber_list waiting = s.at_warp_barrier;
  std::vector<unsigned> here((s.threads + 31) / 32);
  for (unsigned k = 0; k < waiting.count; ++k) ++here[waiting.items[k]->thread / 32];
  fiber_list complete;
  s.at_warp_barrier.count = 0;
  for (unsigned k = 0; k < waiting.count; ++k) {
    const unsigned warp = waiting.items[k]->thread / 32, lanes = std::min(32u, s.threads - 32 * warp);
    (here[warp] == lanes ? complete : s.at_warp_barrier).push(waiting.items[k]);
  }
  if (complete.count == 0) return false;
  release(complete);
  return true;
}

/// Gives up what the block was doing.
void abandon() {
  scheduler& s = state();
  s.at_block_barrier.count = 0;
  s.at_warp_barrier.count = 0;
  s.idle.clear();
  for (std::size_t k = 0; k < s.fibers.size(); ++k) {
    prepare(*s.fibers[k], k);
    s.idle.push_back(s.fibers[k].get());
  }
}

}  // namespace

shuffled::shuffled(std::uint64_t n) : n_(n) {
  const std::uint64_t a = draw(), b = draw();
  if (n < 2 || a == 0) return;
  at_ = a % n;
  step_ = 1 + b % (n - 1);
  while (std::gcd(step_, n) != 1) step_ = step_ == n - 1 ? 1 : step_ + 1;
}

std::string run_block(unsigned threads, const std::function<void()>& body) {
  scheduler& s = state();
  s.body = &body;
  s.threads = threads;
  s.started = s.finished = 0;
  s.ready.count = s.next_ready = 0;
  s.order.emplace(threads);
  s.error.clear();
  s.failed = false;
  s.current = &s.host;
  for (;;) {
    switch_to(next());
    if (!s.error.empty() || s.finished == threads) break;
    if (s.at_block_barrier.count == threads) {
      release(s.at_block_barrier);
    } else if (!release_warps()) {
      s.error =
          s.at_warp_barrier.count == 0
              ? "a barrier that " + std::to_string(s.finished) + " of " + std::to_string(threads) +
                    " threads of block " + std::to_string(blockIdx.x) + " did not reach"
              : "a barrier of a warp that a part of it did not reach, in block " + std::to_string(blockIdx.x);
    }
    if (!s.error.empty()) break;
  }
  if (!s.error.empty()) abandon();
  s.current = nullptr;
  return s.error;
}

}  // namespace ssl::test::emulation

void __syncthreads() {
  using namespace ssl::test::emulation;
  wait_at(state().at_block_barrier);
}

void __syncwarp(unsigned mask) {
  using namespace ssl::test::emulation;
  if (mask != 0xFFFFFFFFu) {
    std::fputs("emulation: a barrier of a part of a warp\n", stderr);
    std::abort();
  }
  wait_at(state().at_warp_barrier);
}

int emulated_lane() { return static_cast<int>(threadIdx.x % 32); }

void emulated_exchange(void* value, std::size_t bytes, int lane) {
  using namespace ssl::test::emulation;
  scheduler& s = state();
  const std::size_t me = threadIdx.x, from = me / 32 * 32 + static_cast<std::size_t>(lane);
  s.exchanged.resize(std::max<std::size_t>(s.exchanged.size(), 1024));
  std::memcpy(&s.exchanged[me], value, bytes);
  wait_at(s.at_warp_barrier);
  if (from < s.threads) std::memcpy(value, &s.exchanged[from], bytes);
  wait_at(s.at_warp_barrier);
}
