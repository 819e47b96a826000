#pragma once

#include <optional>

#include "gateway/net/chunked.h"
#include "gateway/net/server_state.h"
#include "gateway/net/write_queue.h"

namespace holdfast {

// A client's HTTP/1.1 connection. It carries one exchange at a time, so it is the exchange: nothing is allocated per response.
// While it idles or is held it owns its stream, these fields and nothing else; what reading a request needs is in Incoming.
// Threads: its loop. Calls of the exchange only note things; bytes leave and observers are told at the end of the loop's turn.
class Http1Connection final : public Exchange, public StreamUser, public Timer {
 public:
  Http1Connection(HttpServer::State& server, std::unique_ptr<Stream> stream, const PeerAddress& peer, bool tls);
  ~Http1Connection() override;

  void start();
  void step();                                     // end of turn: write, tell, go on
  void close_if_idle();                            // drain
  void refuse(int status, std::string_view text);  // answers and closes, without a request

  PeerInfo peer() const override { return {peer_.text(), tls_}; }
  void set_observer(ExchangeObserver* observer) override { observer_ = observer; }
  void pull_body() override;
  void respond(const ResponseHead& head, BodyFraming framing) override;
  WriteResult write(Bytes content) override;
  WriteResult write(const Rendering& content) override;
  WriteResult relay(Bytes content) override;
  void upgrade(const ResponseHead& head) override;
  void end() override;
  void abort() override;
  void hold() override;
  size_t queued() const override { return out_.size(); }

  // HttpServer::State's.
  uint32_t place = 0;
  bool marked = false;

 private:
  enum class Phase : uint8_t { head, exchange, linger, dead };

  // Only while a request is being read, or more bytes came than it needs.
  struct Incoming {
    std::string buffer;
    ChunkedDecoder chunks;
    BodyFraming framing;
    uint64_t left = 0;  // of a body with a length
    uint64_t received = 0;
    Duration waited{0};  // for the body, to judge its rate
    TimePoint wait_began;
    bool pulling = false;
    bool expects_continue = false;
  };

  void read_more();
  void on_stream_readable() override;
  void on_stream_writable() override;
  void feed_head(std::string_view data);
  void begin_request(std::string_view head, std::string_view rest);
  void feed_body(std::string_view data);
  void wait_for_body();
  void watch_client(std::string_view data);
  void body_broke(int status, std::string_view text);
  void take_raw(std::string_view data, bool open);

  WriteResult queue(size_t size);
  void push_content(Bytes content);
  WriteResult fullness();
  bool check_bound(size_t size);
  void push(Bytes piece);
  bool flush();
  void finish_exchange();
  void next_request();
  void close_politely();
  void gone();
  void die();
  void fail_write();

  Incoming& incoming();
  void release_incoming();
  void set_deadline(TimePoint when);
  void on_timer() override;
  void expire();

  Phase phase_ = Phase::head;
  Framing response_framing_ = Framing::none;
  bool http10_ : 1 = false;
  bool head_only_ : 1 = false;  // the request was HEAD
  bool body_done_ : 1 = true;
  bool responded_ : 1 = false;
  bool ended_ : 1 = false;
  bool aborted_ : 1 = false;
  bool close_after_ : 1 = false;
  bool held_ : 1 = false;
  bool upgraded_ : 1 = false;
  bool pulls_raw_ : 1 = false;
  bool full_told_ : 1 = false;  // WriteResult::full was answered: on_writable is owed
  bool reading_ : 1 = false;
  bool writing_ : 1 = false;  // waits for the socket to take more
  bool write_failed_ : 1 = false;
  bool client_ended_ : 1 = false;  // half-closed
  bool tls_ : 1 = false;
  PeerAddress peer_;

  HttpServer::State& server_;
  std::unique_ptr<Stream> stream_;
  ExchangeObserver* observer_ = nullptr;
  std::unique_ptr<Incoming> incoming_;
  WriteQueue out_;
  uint64_t response_left_ = 0;  // of a response with a length
  size_t relayed_ = 0;          // at most so much of what waits was relayed
  TimePoint deadline_ = TimePoint::max();
  TimePoint armed_for_ = TimePoint::max();
};

}  // namespace holdfast
