#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/bytes.h"
#include "gateway/base/ws_message_type.h"
#include "gateway/net/http.h"

namespace holdfast {

class Gateway;
struct HeldRequest;

// The backend's end of a WebSocket session: a WebSocket of its own, or short HTTP requests that carry events.
// Threads: its loop. Owns: the session owns the end and destroys it when it is over, from inside a callback too (not from inside a call).
class BackendEnd {
 public:
  class User {
   public:
    // The verdict, once. Accepted: with the headers of its answer, as they came but without hop-by-hop ones.
    virtual void on_accepted(Headers headers) = 0;
    virtual void on_refused(ResponseHead head, Bytes body) = 0;
    virtual void on_unreachable(const std::string& tried) = 0;               // nothing was sent: another target may be tried
    virtual void on_open_failed(int status, const std::string& reason) = 0;  // 502, 503 or 504

    // A part of a message, or a whole ping or pong.
    virtual void on_backend_message(WsMessageType type, std::string data, bool first, bool last) = 0;
    virtual void on_backend_close(int code, std::string_view reason) = 0;
    // It went away without a Close, or broke the rules. Nothing follows.
    virtual void on_backend_gone(const std::string& reason) = 0;
    // After send() said false.
    virtual void on_backend_room() = 0;
    // The Close or the news that the client left was told. Nothing follows.
    virtual void on_backend_done() = 0;

   protected:
    ~User() = default;
  };

  virtual ~BackendEnd() = default;

  virtual void open() = 0;
  // A part of the client's message. False: it was taken; wait for on_backend_room before giving more.
  virtual bool send(WsMessageType type, std::string data, bool first, bool last) = 0;
  // The client's Close, or ours; once. on_backend_close, on_backend_gone or on_backend_done follows.
  virtual void close(int code, std::string_view reason) = 0;
  // The client left without one. on_backend_done follows, or nothing is to be told: true, the end may be destroyed now.
  virtual bool client_gone() = 0;
  // The client broke the rules, which end with this code: what the backend says of all before it is still wanted, until on_backend_close,
  // on_backend_gone or on_backend_done. True: there is nothing to come.
  virtual bool client_fault(int code) = 0;

  // Stops and restarts what comes from the backend.
  virtual void pause() = 0;
  virtual void resume() = 0;

  // Lets the backend speak, or tells it that published messages may have been missed. False: this kind of backend cannot be told.
  virtual bool refresh() { return false; }
  virtual bool tell_gap(std::string_view reason) { return (void)reason, false; }
};

}  // namespace holdfast
