#pragma once

#include <string>
#include <string_view>

#include "gateway/base/ws_message_type.h"
#include "gateway/hub/hub.h"
#include "gateway/net/exchange.h"

namespace holdfast {

// The client's end of a WebSocket session: frames on an upgraded exchange, or SockJS frames over what its browser can do.
// Threads: its loop. Owns: the session owns the end and destroys it when it is over, from inside a callback too.
class ClientEnd {
 public:
  class User {
   public:
    // A part of a text or binary message, or a whole ping or pong (first and last).
    virtual void on_client_message(WsMessageType type, std::string data, bool first, bool last) = 0;
    // The client's Close; code 0: none given. It sends nothing after it.
    virtual void on_client_close(int code, const std::string& reason) = 0;
    // It broke the rules and is heard no more. close(code) and end() are the user's: answers to what it said before may go first.
    virtual void on_client_fault(int code) = 0;
    // It left without a Close, or was dropped for not reading. Nothing follows; the end takes no more calls.
    virtual void on_client_gone() = 0;
    // After WriteResult::full.
    virtual void on_client_writable() = 0;

   protected:
    ~User() = default;
  };

  virtual ~ClientEnd() = default;

  // The backend's verdict, once: the handshake's answer with these headers, or a refusal; after a refusal the end is over.
  // `raw_extensions`: Sec-WebSocket-Extensions of a backend that a GRIP proxy in front talks to through us; usually empty.
  virtual void accept(const Headers& headers, std::string_view raw_extensions) = 0;
  virtual void refuse(const ResponseHead& head, Bytes body) = 0;

  // A part of a backend's message, or a whole ping or pong. `full`: it was taken, the rest should wait for on_client_writable.
  virtual WriteResult relay(WsMessageType type, std::string_view data, bool first, bool last) = 0;
  // A whole message of the gateway's own or a published one: bounded by what the client may leave unread. `shared`: where renderings that
  // others can use are kept; null: `content` is this client's alone.
  virtual WriteResult send(WsMessageType type, const Bytes& content, const Delivery* shared) = 0;

  // True after send() dropped a client that may leave no more unread; on_client_gone does not follow then.
  virtual bool over() const = 0;

  // Says Close (code 0: without one), once. The client's own Close, or on_client_gone, follows unless it came before.
  virtual void close(int code, std::string_view reason) = 0;
  // Ends the connection: what was written is still sent. The end is over.
  virtual void end() = 0;

  // Stops and restarts reading: backpressure.
  virtual void pause() = 0;
  virtual void resume() = 0;
};

}  // namespace holdfast
