#include <algorithm>

#include "adapters/redis/redis_broker.h"
#include "adapters/redis/replies.h"
#include "gateway/base/log.h"

namespace holdfast {

namespace {
constexpr size_t kMostAtOnce = 512;  // channels of one SUBSCRIBE
}  // namespace

void RedisBroker::do_subscribe(const std::vector<std::string>& channels, Done done) {
  if (sink_ == nullptr) return done(unavailable("the broker is not running"));
  auto change = std::make_shared<Change>();
  change->done = std::move(done);
  std::vector<std::string> wanted;
  for (const auto& name : channels) {
    auto& channel = channels_[name];
    if (!channel.wanted) {
      channel.wanted = true;
      ++unconfirmed_;
      wanted.push_back(name);
    }
    if (channel.confirmed) continue;
    ++change->left;
    channel.subscribes.push_back(change);
  }
  if (change->left == 0) return change->done({});
  if (subscriptions_up_) ask_for("SUBSCRIBE", wanted);
}

void RedisBroker::do_unsubscribe(const std::vector<std::string>& channels, Done done) {
  auto change = std::make_shared<Change>();
  change->done = std::move(done);
  std::vector<std::string> unwanted;
  for (const auto& name : channels) {
    const auto found = channels_.find(name);
    if (found == channels_.end() || !found->second.wanted) continue;
    auto& channel = found->second;
    channel.wanted = channel.unsure = false;
    if (!channel.confirmed) --unconfirmed_;
    channel.confirmed = false;
    for (auto& waiting : std::exchange(channel.subscribes, {})) {
      if (waiting->left > 0 && --waiting->left == 0) waiting->done({});
    }
    if (subscriptions_up_) {
      ++change->left;
      unwanted.push_back(name);
    } else {
      channels_.erase(found);
    }
  }
  if (unwanted.empty()) {
    change->done({});
  } else {
    ask_for("UNSUBSCRIBE", unwanted);
    for (const auto& name : unwanted) channels_[name].asked.back() = change;
  }
  come_up();
}

void RedisBroker::ask_for(std::string_view word, const std::vector<std::string>& channels) {
  for (size_t from = 0; from < channels.size(); from += kMostAtOnce) {
    std::vector<std::string> names;
    for (size_t i = from; i < std::min(channels.size(), from + kMostAtOnce); ++i) {
      names.push_back(key('c', channels[i]));
      channels_[channels[i]].asked.push_back(nullptr);
    }
    RedisLink::Arguments arguments{word};
    arguments.insert(arguments.end(), names.begin(), names.end());
    subscriptions_.send(arguments);
  }
}

void RedisBroker::on_pushed(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_ERROR) return lose("the server refuses: " + std::string(text_of(reply)));
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements < 2) return;
  const auto kind = text_of(*reply.element[0]);
  if (kind == "pong" || reply.elements != 3) return;
  auto name = text_of(*reply.element[1]);
  const std::string before = key('c', "");
  if (!name.starts_with(before)) return;
  name.remove_prefix(before.size());
  if (kind == "message") return on_live(std::string(name), text_of(*reply.element[2]));
  if (kind == "subscribe" || kind == "unsubscribe") on_confirmed(kind == "subscribe", std::string(name));
}

// Confirmations of a channel come in the order in which they were asked for: only the last says how it stands.
void RedisBroker::on_confirmed(bool subscribed, const std::string& name) {
  const auto found = channels_.find(name);
  if (found == channels_.end() || found->second.asked.empty()) return;
  auto& channel = found->second;
  const auto change = std::move(channel.asked.front());
  channel.asked.pop_front();
  if (change && --change->left == 0) change->done({});
  if (!channel.asked.empty()) return;
  if (!channel.wanted) {
    channels_.erase(found);
    return;
  }
  if (!subscribed || channel.confirmed) return;
  channel.confirmed = true;
  --unconfirmed_;
  const bool unsure = std::exchange(channel.unsure, false);
  if (unsure && sink_ != nullptr) sink_->on_gap(name);
  for (auto& waiting : std::exchange(channel.subscribes, {})) {
    if (waiting->left > 0 && --waiting->left == 0) waiting->done({});
  }
  come_up();
}

void RedisBroker::on_live(const std::string& name, std::string_view text) {
  const auto found = channels_.find(name);
  if (found == channels_.end() || !found->second.wanted || sink_ == nullptr) return;
  const auto position = take_position(text);
  const auto ms = position ? parse_uint(take_word(text)) : std::nullopt;
  if (!ms || position->offset == 0) return garbage_.add();
  auto publication = std::make_shared<Publication>();
  publication->channel = name;
  publication->position = *position;
  publication->previous = {position->epoch, position->offset - 1};
  publication->time = wall_of(*ms);
  publication->envelope = Bytes::copy(text);
  sink_->on_publication(std::move(publication));
}

}  // namespace holdfast
