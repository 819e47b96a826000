#include "control/zmq/stats.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "gateway/base/tnetstring.h"

namespace holdfast::control {

std::string format_stat(const Stat& stat, bool tnetstring) {
  if (tnetstring) {
    std::string pairs;
    for (const auto& [name, value] : stat.fields) {
      pairs += tnet_text(name);
      if (const auto* text = std::get_if<std::string>(&value)) pairs += tnet_text(*text);
      if (const auto* number = std::get_if<int64_t>(&value)) pairs += tnet_integer(*number);
      if (const auto* truth = std::get_if<bool>(&value)) pairs += tnet_boolean(*truth);
    }
    return stat.type + " T" + tnet_map(pairs);
  }
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [name, value] : stat.fields) {
    std::visit([&, n = name](const auto& v) { object[n] = v; }, value);
  }
  return stat.type + " J" + object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

StatsBook::StatsBook(std::string from, Duration connection_ttl, Duration subscription_ttl, Duration report_interval, Metrics& metrics)
    : from_(std::move(from)),
      connection_ttl_(connection_ttl),
      subscription_ttl_(subscription_ttl),
      report_interval_(report_interval),
      received_(metrics.counter("holdfast_published_items_total", "")),
      sent_(metrics.counter("holdfast_deliveries_total", "")),
      open_(metrics.gauge("holdfast_connections", "")),
      requests_(metrics.counter("holdfast_requests_total", "")) {}

void StatsBook::connected(const std::string& id, std::string_view type, const std::string& peer_address) {
  const std::lock_guard lock(mutex_);
  connections_[id] = {std::string(type), peer_address};
  came_.push_back(id);
}

void StatsBook::disconnected(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  if (found->second.told) went_.push_back(id);  // else nobody knows of it
  connections_.erase(found);
}

void StatsBook::listener(const std::string& channel, std::string_view mode, bool more) {
  const std::lock_guard lock(mutex_);
  const ListenersKey key{std::string(mode), channel};
  auto& listeners = listeners_[key];
  listeners.count += more ? 1 : -1;
  if (!std::exchange(listeners.queued, true)) changed_.push_back(key);
}

std::vector<Stat> StatsBook::due(TimePoint now) {
  std::vector<Stat> out;
  const std::lock_guard lock(mutex_);
  tell_connections(now, out);
  tell_listeners(now, out);
  report(now, out);
  return out;
}

void StatsBook::tell_connections(TimePoint now, std::vector<Stat>& out) {
  // Again when three quarters of its time are over.
  while (!connections_again_.empty() && connections_again_.front().first <= now) {
    came_.push_back(std::move(connections_again_.front().second));
    connections_again_.pop_front();
  }
  for (const auto& id : std::exchange(went_, {})) out.push_back({"conn", {{"from", own()}, {"id", id}, {"unavailable", true}}});
  for (auto& id : std::exchange(came_, {})) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;
    found->second.told = true;
    out.push_back({"conn",
                   {{"from", own()},
                    {"id", id},
                    {"type", found->second.type},
                    {"peer-address", found->second.peer_address},
                    {"ttl", int64_t{connection_ttl_ / std::chrono::seconds(1)}}}});
    connections_again_.emplace_back(now + connection_ttl_ * 3 / 4, std::move(id));
  }
}

void StatsBook::tell_listeners(TimePoint now, std::vector<Stat>& out) {
  while (!listeners_again_.empty() && listeners_again_.front().first <= now) {
    auto& key = listeners_again_.front().second;
    const auto found = listeners_.find(key);
    if (found != listeners_.end()) {
      found->second.again = false;
      if (!std::exchange(found->second.queued, true)) changed_.push_back(std::move(key));
    }
    listeners_again_.pop_front();
  }
  for (auto& key : std::exchange(changed_, {})) {
    const auto found = listeners_.find(key);
    auto& listeners = found->second;
    listeners.queued = false;
    Stat stat{"sub", {{"from", own()}, {"mode", key.first}, {"channel", key.second}}};
    if (listeners.count <= 0) {
      if (listeners.told) {
        stat.fields.emplace_back("unavailable", true);
        out.push_back(std::move(stat));
      }
      listeners_.erase(found);
      continue;
    }
    stat.fields.emplace_back("ttl", int64_t{subscription_ttl_ / std::chrono::seconds(1)});
    stat.fields.emplace_back("subscribers", listeners.count);
    out.push_back(std::move(stat));
    listeners.told = true;
    // One waiting word per channel is enough: it tells the count of its time.
    if (!std::exchange(listeners.again, true)) listeners_again_.emplace_back(now + subscription_ttl_ * 3 / 4, std::move(key));
  }
}

void StatsBook::report(TimePoint now, std::vector<Stat>& out) {
  const int64_t open = open_.value();
  most_open_ = std::max(most_open_, open);
  if (sampled_at_ != TimePoint())
    minutes_ += static_cast<double>(open) * std::chrono::duration<double, std::ratio<60>>(now - sampled_at_).count();
  sampled_at_ = now;
  if (reported_at_ == TimePoint()) reported_at_ = now;
  if (now - reported_at_ < report_interval_) return;
  const int64_t received = received_.value(), sent = sent_.value(), requests = requests_.value();
  const int64_t passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - reported_at_).count();
  if (requests > last_requests_) out.push_back({"activity", {{"from", own()}, {"count", requests - last_requests_}}});
  out.push_back({"report",
                 {{"from", own()},
                  {"connections", most_open_},
                  {"minutes", static_cast<int64_t>(minutes_)},
                  {"received", received - last_received_},
                  {"sent", sent - last_sent_},
                  {"duration", passed}}});
  minutes_ -= static_cast<double>(static_cast<int64_t>(minutes_));
  reported_at_ = now;
  last_received_ = received;
  last_sent_ = sent;
  last_requests_ = requests;
  most_open_ = open;
}

}  // namespace holdfast::control
