#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/grip/ws_events.h"
#include "gateway/session/gateway.h"
#include "gateway/session/held_request.h"
#include "gateway/session/websocket/backend_end.h"

namespace holdfast {

// A backend that knows only HTTP (WebSocket-over-HTTP): what the client does goes to it as events in POSTs, one at a time, and events come
// back in the answers. What arrives while a request is out goes with the next. Between requests it owns what of the handshake's head is the
// client's own, as text, and the backend's values (Set-Meta); the rest is in Busy.
class HttpBackend final : public BackendEnd, UpstreamHandler {
 public:
  // `connection`: the session's serial number.
  HttpBackend(Gateway& gateway, const HeldRequest& request, const Target& target, uint32_t connection, User& user);
  ~HttpBackend() override;

  void open() override;
  bool send(WsMessageType type, std::string data, bool first, bool last) override;
  void close(int code, std::string_view reason) override;
  bool client_gone() override;
  bool client_fault(int code) override;
  void pause() override { paused_ = true; }
  void resume() override;
  bool refresh() override;
  bool tell_gap(std::string_view reason) override;

 private:
  struct Event {
    WsEventType type;
    std::string content;
  };
  using MetaList = std::vector<std::pair<std::string, std::string>>;
  // What few use.
  struct Rare {
    MetaList meta;        // Set-Meta
    CallbackTimer timer;  // for keep-alive or a retry
  };
  // While something is under way.
  struct Busy {
    std::vector<Event> queue;  // not accepted by the backend yet
    size_t content = 0;        // content bytes in it
    size_t replayed = 0;       // of those, offered before
    bool fresh = false;        // there are events that were not offered yet
    std::string assembling;    // the client's message that is not whole
    std::string gap;           // told with the next request

    // The request that is out.
    std::unique_ptr<UpstreamCall> call;
    std::string body;
    size_t offered = 0;          // the first events of the queue, which it carries
    size_t offered_content = 0;  // their content bytes
    ResponseHead head;
    std::string reply;
  };

  void on_send_ready() override;
  void on_head(ResponseHead head, BodyFraming framing) override;
  void on_body(Bytes piece) override;
  void on_end() override;
  void on_error(UpstreamError error, const std::string& text) override;
  void on_timer();
  void set_timer(Duration delay);

  Busy& busy();
  Rare& rare();
  void push(WsEventType type, std::string content);
  void ask();
  void start_when_due();
  void start();
  RequestHead next_head() const;
  void take_answer(ResponseHead head, const std::string& reply);
  void judge_opening(ResponseHead& head, const std::vector<WsHttpEvent>& events);
  bool deliver(const std::vector<WsHttpEvent>& events);
  bool tell(const WsHttpEvent& event);
  Result<void> take_settings(const Headers& headers);
  Result<void> take_accepted(const Headers& headers);
  void go_on();
  void lose(const std::string& reason);

  Gateway& gateway_;
  User& user_;
  const Route& route_;  // the session keeps it alive
  const Target& target_;
  std::unique_ptr<const char[]> head_;  // the target and the lines of the head that are the client's own, as they go to the backend
  std::unique_ptr<Rare> rare_;
  std::unique_ptr<Busy> busy_;
  bool* destroyed_ = nullptr;  // set while the user may destroy this
  const uint32_t connection_;
  uint32_t keep_alive_seconds_ = 0;
  uint8_t attempts_ = 0;
  bool grip_ : 1 = false;  // Grip-Feature and the grip extension are ours to add
  bool signs_ : 1 = false;
  bool opened_ : 1 = false;
  bool due_ : 1 = false;         // a request is due though there may be no new event
  bool retrying_ : 1 = false;    // the timer is for that
  bool paused_ : 1 = false;      // the client does not read
  bool waiting_ : 1 = false;     // send() said false
  bool close_told_ : 1 = false;  // to the backend
  bool closed_ : 1 = false;      // by the backend
  bool left_ : 1 = false;        // the client
  bool listens_ : 1 = false;     // though it left
};

}  // namespace holdfast
