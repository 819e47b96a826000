#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/session/stream_hold.h"
#include "gateway/upstream/client.h"

namespace holdfast {

// Fetches a stream's next link and appends what it returns, then tells the hold how to go on. Failures before any of its body was sent are
// tried again, with doubling waits, five times; then the stream ends.
class LinkFollower final : UpstreamHandler {
 public:
  LinkFollower(StreamHold& hold, std::string uri, std::vector<std::pair<std::string, std::string>> last_ids);
  void start(Duration delay);
  void resume();

 private:
  void fetch();
  void retry(const std::string& reason);
  void write(Bytes piece);

  void on_send_ready() override {}
  void on_head(ResponseHead head, BodyFraming framing) override;
  void on_body(Bytes piece) override;
  void on_end() override;
  void on_error(UpstreamError error, const std::string& text) override;

  StreamHold& hold_;
  std::string uri_;
  std::vector<std::pair<std::string, std::string>> last_ids_;
  CallbackTimer timer_;
  std::unique_ptr<UpstreamCall> call_;
  Instruct instruct_;
  std::unique_ptr<ReplyFilter> filter_;
  WallTime began_;
  int attempts_ = 0;
  bool sent_ = false;
};

// Tells a backend that a stream ended: best effort, once.
void post_gone(Gateway& gateway, const Route& route, std::shared_ptr<const RouteTable> table, size_t target, bool secure,
               const std::string& host, const std::string& base_uri, const std::string& link);

}  // namespace holdfast
