#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gateway/base/bytes.h"
#include "gateway/base/rendering.h"
#include "gateway/net/http.h"

namespace holdfast {

// What became of a write. A caller that gets `full` waits for on_writable; the bytes were taken. After `gone` nothing is taken any more.
enum class WriteResult { ok, full, gone };

// Who is at the other end.
struct PeerInfo {
  std::string address;  // "127.0.0.1", "::1", or "unix"
  bool tls = false;
};

// Told what happens to an exchange. Threads: its loop. Never called from inside a call to the exchange.
class ExchangeObserver {
 public:
  virtual ~ExchangeObserver() = default;
  // A piece of the request body that was pulled, or its end (empty, last). Only after pull_body().
  virtual void on_body(Bytes piece, bool last) = 0;
  // What an upgraded exchange read, after pull_body(); valid during the call. Empty: the client will send no more.
  virtual void on_bytes(std::string_view data) { (void)data; }
  // The queue has room again after WriteResult::full.
  virtual void on_writable() = 0;
  // The client left, broke the rules of its body, or was dropped for not reading. Said at most once; nothing follows, and the exchange is
  // destroyed when the observer returns.
  virtual void on_gone() = 0;
};

// One HTTP request and its response, the same whatever HTTP version carries it. Sessions see exchanges, never a socket.
// Threads: its loop. Owns: the connection owns the exchange and destroys it after end(), abort() or on_gone(); none of these may be
// followed by another call.
class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual PeerInfo peer() const = 0;
  virtual void set_observer(ExchangeObserver* observer) = 0;

  // Asks for the next piece of the request body; on_body follows once. Not pulling is backpressure to the client.
  virtual void pull_body() = 0;

  // Informational 100 is sent by itself when a client that expects it has its body pulled.
  // Starts the response. Framing: `length` needs exactly that many bytes before end(); `chunked` becomes close-delimited for HTTP/1.0
  // clients; `none` for responses without a body. Framing headers (Content-Length, Transfer-Encoding, Connection, Keep-Alive) are the
  // exchange's: those in `head` are ignored. To a HEAD request, the length is announced and content is dropped.
  virtual void respond(const ResponseHead& head, BodyFraming framing) = 0;
  virtual WriteResult write(Bytes content) = 0;
  // The same for content that many exchanges send: its wire shape is made once.
  virtual WriteResult write(const Rendering& content) = 0;
  // The same, never past a held connection's bound: from a sender that waits when it is told `full`.
  virtual WriteResult relay(Bytes content) = 0;
  // Ends the response cleanly.
  virtual void end() = 0;
  // Ends it so that the client sees that it is not whole (or, before respond(), closes the connection).
  virtual void abort() = 0;

  // Switches protocols: sends the 101 as it is given, and is a byte stream from then on. What is written goes out as it is; what the client
  // sends is told by on_bytes, a read for each pull_body(), beginning with what came right behind the request.
  virtual void upgrade(const ResponseHead& head) = 0;

  // From now on this is a held connection: the client's half-close means it left, what it may leave unread is bounded, and everything that
  // only the request needed is released.
  virtual void hold() = 0;
  // Bytes taken and not yet handed to the kernel.
  virtual size_t queued() const = 0;
};

// Gets each new request of a listener. The head is moved out: the exchange keeps none of it.
class ExchangeHandler {
 public:
  virtual ~ExchangeHandler() = default;
  // `body` says how the request body is framed. The handler must set an observer or finish the exchange before returning.
  virtual void on_request(Exchange& exchange, RequestHead head, BodyFraming body) = 0;
};

}  // namespace holdfast
