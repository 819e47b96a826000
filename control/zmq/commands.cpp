#include "control/zmq/commands.h"

#include <algorithm>

#include "gateway/base/tnetstring.h"
#include "gateway/message/item_tnet.h"

namespace holdfast::control {
namespace {

// What a method answers; its parts are tagged already.
struct Answer {
  std::string condition;  // empty: success
  std::string value;
};

Answer refuse(std::string_view condition, std::string_view text = {}) {
  return {std::string(condition), text.empty() ? std::string() : tnet_text(text)};
}

Answer conncheck(const Tnet* args, Service& service) {
  const auto* ids = args != nullptr ? args->find("ids") : nullptr;
  if (ids == nullptr || ids->kind != Tnet::Kind::list) return refuse("bad-request");
  std::vector<std::string> asked;
  for (const auto& id : ids->list) {
    if (id.kind != Tnet::Kind::text) return refuse("bad-request");
    asked.emplace_back(id.text);
  }
  const auto found = service.alive(Caller::anybody(), asked);
  if (!found) return refuse("internal-error", found.error().text);
  std::string alive;
  for (const auto& id : *found) alive += tnet_text(id);
  return {{}, tnet_list(alive)};
}

Answer get_uris(const SocketAddresses& addresses) {
  std::string pairs;
  const auto put = [&](std::string_view name, const std::string& address) {
    if (!address.empty()) pairs += tnet_text(name) + tnet_text(address);
  };
  put("command", addresses.command);
  put("publish-pull", addresses.pull);
  put("publish-sub", addresses.sub);
  return {{}, tnet_map(pairs)};
}

// Every connection over HTTP that listens to the channel, on every node.
Answer refresh_channel(std::string_view channel, Service& service) {
  Item item;
  item.channel = channel;
  item.ws_message.emplace().action = Action::refresh;
  item.no_seq = true;
  std::vector<Item> items;
  items.push_back(std::move(item));
  const auto receipts = service.publish(Caller::anybody(), std::move(items));
  if (!receipts.front()) return refuse("internal-error", receipts.front().error().text);
  return {};
}

Answer refresh(const Tnet* args, Service& service) {
  if (args == nullptr) return refuse("bad-request");
  if (const auto id = args->text_of("cid"); id && !id->empty()) {
    return service.refresh(Caller::anybody(), std::string(*id)) ? Answer() : refuse("item-not-found");
  }
  const auto channel = args->text_of("channel");
  return channel && !channel->empty() ? refresh_channel(*channel, service) : refuse("bad-request");
}

Answer publish(const Tnet* args, Service& service, const ItemLimits& limits) {
  const auto* list = args != nullptr ? args->find("items") : nullptr;
  if (list == nullptr || list->kind != Tnet::Kind::list) return refuse("bad-request", "Invalid format: object does not contain 'items'");
  if (list->list.size() > limits.max_items) return refuse("bad-request", "Invalid format: too many items");
  std::vector<Item> items;
  for (const auto& each : list->list) {
    auto item = parse_item_tnet(each, limits);
    if (!item) return refuse("bad-request", item.error().text);
    items.push_back(std::move(*item));
  }
  for (const auto& receipt : service.publish(Caller::anybody(), std::move(items))) {
    if (!receipt) return refuse("internal-error", receipt.error().text);
  }
  return {};
}

}  // namespace

std::string answer_command(std::string_view request, Service& service, const SocketAddresses& addresses, const ItemLimits& limits) {
  const auto value = parse_tnet(request);
  const bool is_map = value && value->kind == Tnet::Kind::map;
  const auto method = is_map ? value->text_of("method") : std::nullopt;
  const Tnet* args = is_map ? value->find("args") : nullptr;
  if (args != nullptr && args->kind != Tnet::Kind::map) args = nullptr;

  Answer answer;
  if (!method) {
    answer = refuse("bad-request");
  } else if (*method == "conncheck") {
    answer = conncheck(args, service);
  } else if (*method == "get-zmq-uris") {
    answer = get_uris(addresses);
  } else if (*method == "recover") {
    service.recover(Caller::anybody());
  } else if (*method == "refresh") {
    answer = refresh(args, service);
  } else if (*method == "publish") {
    answer = publish(args, service, limits);
  } else {
    answer = refuse("method-not-found");
  }

  std::string pairs;
  if (const auto id = is_map ? value->text_of("id") : std::nullopt) pairs += tnet_text("id") + tnet_text(*id);
  pairs += tnet_text("success") + tnet_boolean(answer.condition.empty());
  if (!answer.condition.empty()) pairs += tnet_text("condition") + tnet_text(answer.condition);
  pairs += tnet_text("value") + (answer.value.empty() ? std::string("0:~") : answer.value);
  return tnet_map(pairs);
}

}  // namespace holdfast::control
