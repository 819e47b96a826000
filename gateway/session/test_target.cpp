#include "gateway/session/test_target.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "gateway/base/text.h"
#include "gateway/net/loop.h"

namespace holdfast {

namespace {

class TestCall final : public UpstreamCall {
 public:
  TestCall(Loop& loop, TestAnswer answer, BodyFraming body, UpstreamHandler& handler)
      : loop_(loop), answer_(std::move(answer)), handler_(handler) {
    if (body.kind == Framing::none) {
      later([this] { respond(); });
    } else {
      later([this] { handler_.on_send_ready(); });
    }
  }

  bool send(Bytes, bool last) override {
    if (last) later([this] { respond(); });
    return true;
  }
  void pause() override {}
  void resume() override {}
  const Endpoint& endpoint() const override {
    static const Endpoint kNowhere{.host = "test", .port = 0};
    return kNowhere;
  }

 private:
  // Handlers are never called from inside a call of theirs, and may destroy this one.
  void later(std::function<void()> work) {
    loop_.post([alive = std::weak_ptr<char>(alive_), work = std::move(work)] {
      if (!alive.expired()) work();
    });
  }

  void respond() {
    const std::weak_ptr<char> alive = alive_;
    Bytes body(std::move(answer_.body));
    const size_t size = body.size();
    handler_.on_head(std::move(answer_.head), {Framing::length, size});
    if (!alive.expired()) handler_.on_body(std::move(body));
    if (!alive.expired()) handler_.on_end();
  }

  Loop& loop_;
  TestAnswer answer_;
  UpstreamHandler& handler_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

// It goes into a header, where it is to be nothing but a name.
bool names_a_channel(std::string_view text) {
  return !text.empty() && is_field_value(text) && valid_utf8(text) && text.find_first_of(",;\"") == std::string_view::npos;
}

}  // namespace

TestResource test_resource(std::string_view target, std::string_view prefix) {
  const size_t mark = std::min(target.find('?'), target.size());
  std::string_view path = target.substr(0, mark);
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (path.starts_with(prefix)) path.remove_prefix(prefix.size());
  if (path.size() >= 2 && path.ends_with('/')) path.remove_suffix(1);
  TestResource resource{std::string(path), {}};
  for (const auto part : split(target.substr(std::min(mark + 1, target.size())), '&')) {
    constexpr std::string_view kName = "channel=";
    if (!part.starts_with(kName)) continue;
    auto channel = percent_decode(part.substr(kName.size()), true);
    if (channel && names_a_channel(*channel)) resource.channels.push_back(std::move(*channel));
  }
  if (resource.channels.empty()) resource.channels.emplace_back("test");
  return resource;
}

TestAnswer test_answer(const TestResource& resource) {
  TestAnswer answer;
  answer.head.status = 200;
  answer.head.reason = "OK";
  answer.head.headers.add("Content-Type", "text/plain");
  const auto hold = [&](const char* mode) {
    answer.head.headers.add("Grip-Hold", mode);
    for (const auto& channel : resource.channels) answer.head.headers.add("Grip-Channel", channel);
  };
  if (resource.path == "/") {
    answer.body = "Hello from the Pushpin test handler!\n";
  } else if (resource.path == "/response") {
    hold("response");
    answer.body = "nothing for now\n";
  } else if (resource.path == "/stream") {
    hold("stream");
    answer.body = "[stream opened]\n";
  } else {
    answer.head.status = 404;
    answer.head.reason = "Not Found";
    answer.body = "no such test resource\n";
  }
  return answer;
}

std::unique_ptr<UpstreamCall> call_test_target(Loop& loop, TestAnswer answer, BodyFraming body, UpstreamHandler& handler) {
  return std::make_unique<TestCall>(loop, std::move(answer), body, handler);
}

}  // namespace holdfast
