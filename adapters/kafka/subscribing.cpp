#include "adapters/kafka/kafka_broker.h"

namespace holdfast {

// A channel is live once everything that was in its partition when it was subscribed has been consumed: what is published later comes.

void KafkaBroker::do_subscribe(const std::vector<std::string>& channels, Done done) {
  if (!running()) return done(fail(ErrorKind::unavailable, "the broker is not running"));
  auto change = std::make_shared<Change>();
  change->done = std::move(done);
  std::vector<std::string> fresh;
  for (const auto& name : channels) {
    const auto [it, made] = channels_.try_emplace(name);
    if (made) fresh.push_back(name);
    if (it->second.live) continue;
    ++change->left;
    it->second.subscribes.push_back(change);
  }
  if (change->left == 0) return change->done({});
  for (const auto& name : fresh) attach(name);
}

void KafkaBroker::do_unsubscribe(const std::vector<std::string>& channels, const Done& done) {
  for (const auto& name : channels) {
    const auto found = channels_.find(name);
    if (found == channels_.end()) continue;
    const auto subscribes = std::move(found->second.subscribes);
    if (auto* partition = found->second.partition) {
      --partition->channels;
      partition->used = clock_.now();
    }
    channels_.erase(found);
    for (const auto& waiting : subscribes) {
      if (waiting->left > 0 && --waiting->left == 0) waiting->done({});
    }
  }
  done({});
}

// Waits for its topic if that is not known yet: pin() comes back to it.
void KafkaBroker::attach(const std::string& name) {
  auto& channel = channels_.at(name);
  channel.partition = partition_of_channel(name);
  channel.serial = ++serials_;
  if (channel.partition == nullptr) return;
  ++channel.partition->channels;
  add_barrier(*channel.partition, std::nullopt, [this, name, serial = channel.serial](bool reached) {
    if (reached) on_attached(name, serial);
  });
}

void KafkaBroker::on_attached(const std::string& name, uint64_t serial) {
  const auto found = channels_.find(name);
  if (found == channels_.end() || found->second.serial != serial) return;
  auto& channel = found->second;
  channel.live = true;
  if (std::exchange(channel.unsure, false)) sink_->on_gap(name);
  for (const auto& waiting : std::exchange(channel.subscribes, {})) {
    if (waiting->left > 0 && --waiting->left == 0) waiting->done({});
  }
}

}  // namespace holdfast
