// The entry point of every test program. A filter that matches no test is a failure, so that a test whose
// name CTest cannot pass on does not count as passed. Compiled with SSL_TEST_CUDA it skips (exit code 77)
// where there is no GPU.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#if defined(SSL_TEST_CUDA)
#include <cuda_runtime_api.h>

#include <string_view>
#endif

namespace {

bool nothing_ran = false;

struct run_counter : doctest::IReporter {
  explicit run_counter(const doctest::ContextOptions&) {}
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats& stats) override {
    nothing_ran = stats.numTestCasesPassingFilters == 0;
  }
  void test_case_start(const doctest::TestCaseData&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

}  // namespace

DOCTEST_REGISTER_LISTENER("run_counter", 1, run_counter);

int main(int argc, char** argv) {
#if defined(SSL_TEST_CUDA)
  bool listing = false;
  for (int i = 1; i < argc; ++i) {
    listing = listing || std::string_view(argv[i]).substr(0, 6) == "--list";
  }
  int devices = 0;
  if (!listing && (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0)) {
    std::puts("skipped: this machine has no CUDA device");
    return 77;
  }
#endif
  const int status = doctest::Context(argc, argv).run();
  if (status == 0 && nothing_ran) {
    std::puts("no test has this name");
    return 1;
  }
  return status;
}
