#pragma once

#include <deque>
#include <memory>

#include "gateway/net/websocket.h"
#include "gateway/session/websocket/client_end.h"
#include "gateway/session/websocket/ws_options.h"

namespace holdfast {

// The client's end over frames: RFC 6455 on an upgraded exchange. While it idles it owns its reader's few fields and nothing else.
class SocketEnd final : public ClientEnd, ExchangeObserver {
 public:
  // `request`: its handshake was judged good. It is needed until the verdict only. `options` outlive the end.
  SocketEnd(const WsOptions& options, Exchange& exchange, const RequestHead& request, User& user);
  ~SocketEnd() override;

  void accept(const Headers& headers, std::string_view raw_extensions) override;
  void refuse(const ResponseHead& head, Bytes body) override;
  WriteResult relay(WsMessageType type, std::string_view data, bool first, bool last) override;
  WriteResult send(WsMessageType type, const Bytes& content, const Delivery* shared) override;
  bool over() const override { return exchange_ == nullptr; }
  void close(int code, std::string_view reason) override;
  void end() override;
  void pause() override;
  void resume() override;

 private:
  // What few use, or for a short time.
  struct Rare {
    RequestHead opening;                 // of the handshake what its answer needs, until the verdict
    std::unique_ptr<Deflater> deflater;  // with context takeover
    // Published messages that wait for the end of a message that is being relayed: frames of two cannot be mixed.
    std::deque<Bytes> deferred;
    size_t deferred_size = 0;
  };

  void on_body(Bytes, bool) override {}
  void on_bytes(std::string_view data) override;
  void on_writable() override;
  void on_gone() override;

  Rare& rare();
  const DeflateTerms& terms() const { return reader_.deflate(); }
  Deflater* own_deflater() const { return rare_ ? rare_->deflater.get() : nullptr; }
  bool compresses(std::string_view content) const;
  Bytes render(WsMessageType type, const Bytes& content);
  const Rendering& shared_rendering(WsMessageType type, const Bytes& content, const Delivery& shared);
  std::string deflate(std::string_view content);
  void violated(const WsEvent& event);
  void flush_deferred();
  void lose();

  const WsOptions& options_;
  Exchange* exchange_;  // null: over
  User& user_;
  WsReader reader_;
  std::unique_ptr<Rare> rare_;
  bool* destroyed_ = nullptr;  // set while the user may destroy this
  bool opening_ : 1 = true;    // no verdict yet
  bool relaying_ : 1 = false;  // a message's first part was sent and its last not
  bool close_sent_ : 1 = false;
  bool close_got_ : 1 = false;
  bool paused_ : 1 = false;
  bool pulling_ : 1 = false;
};

}  // namespace holdfast
