#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "adapters/support/completions.h"
#include "examples/custom-broker/shared_file.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "gateway/base/options.h"
#include "gateway/base/result.h"
#include "gateway/broker/broker.h"

namespace holdfast {

struct FileOptions {
  std::string path = "messages";    // the same on every node
  int64_t history_messages = 1000;  // per channel
  uint64_t max_message = 4u << 20;  // one envelope
};
void declare(OptionSet& set, FileOptions& options);  // keys of section "broker.file"

// A broker that is a file: a publication is a record at its end, and every node of the machine reads it from the beginning on.
// Promise: ordered, exact resume while history holds it. What was acknowledged survives all nodes, but not the machine. A file that was
// deleted, emptied or cut begins a new epoch, and every listener is told.
// Threads: as the contract says. Callers only leave work behind, one thread does it: nothing is locked but the file. Calls after stop() are
// still answered, with `unavailable`.
// Cost: a toy's. The file only grows, and is opened for each piece of work.
class FileBroker final : public Broker, private History {
 public:
  FileBroker(const FileOptions& options, const Clock& clock, Metrics& metrics);
  ~FileBroker() override;

  void start(BrokerSink& sink) override;
  void stop() override;
  void publish(std::vector<PublishRequest> messages, ReceiptsDone done) override;
  void subscribe(const std::vector<std::string>& channels, Done done) override;
  void unsubscribe(const std::vector<std::string>& channels, Done done) override;
  History* history() override { return this; }

 private:
  struct Channels;

  void read(const std::string& channel, Position since, size_t limit, PageDone done) override;
  Result<PublishReceipt> publish_one(PublishRequest& message);
  Result<SharedFile::Lock> enter();
  Result<Position> take_news(const SharedFile::Lock& lock);
  Position take(SharedFile::Record record);

  const FileOptions options_;
  const Clock& clock_;
  Count& kept_bytes_;
  // Touched by work on `completions_` only.
  BrokerSink* sink_ = nullptr;   // null: not started, or stopped
  std::optional<bool> healthy_;  // as it was told last
  SharedFile file_;
  std::unique_ptr<Channels> channels_;  // null: nothing read yet
  std::set<std::string> subscribed_;
  Completions completions_;  // its thread ends before anything it could touch
  std::jthread look_;        // has that thread look for what other nodes wrote
};

}  // namespace holdfast
