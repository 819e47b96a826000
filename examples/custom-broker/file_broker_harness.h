#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "examples/custom-broker/file_broker.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "tests/broker/harness.h"

namespace holdfast::broker_test {

// A file of its own, in a folder of its own.
class FileHarness final : public BrokerHarness {
 public:
  FileHarness() {
    std::string name = std::filesystem::temp_directory_path() / "holdfast-file-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~FileHarness() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Broker> connect() override {
    FileOptions options;
    options.path = path();
    options.history_messages = kHistory;
    options.max_message = 100'000;
    return std::make_unique<FileBroker>(options, clock_, metrics_);
  }
  size_t oversize() const override { return 100'001; }

  std::string path() const { return folder_ / "messages"; }

 private:
  std::filesystem::path folder_;
  SystemClock clock_;
  Metrics metrics_;
};

const HarnessMaker kFile{"file", []() -> std::unique_ptr<BrokerHarness> { return std::make_unique<FileHarness>(); }};

}  // namespace holdfast::broker_test
