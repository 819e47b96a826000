#include "control/http/turn.h"

#include <exception>

#include "control/http/body_reader.h"
#include "control/http/problem.h"
#include "control/http/request_guard.h"
#include "gateway/base/log.h"

namespace holdfast::control {
namespace {

TurnEnd say_goodbye(Connection& connection, const Answer& answer) {
  if (connection.send(render(answer, true, true))) connection.close_gently();
  return {};
}

// A head that is wrong may still show what it was for.
bool for_operations(std::string_view head) {
  const size_t blank = head.find(' ');
  return blank != std::string_view::npos && head.substr(blank + 1).starts_with(kOperations);
}

// The size of the whole head at the front of the input, or 0: there is none, and what had to be said is said.
size_t read_head(Connection& connection, uint64_t limit, TimePoint deadline) {
  for (;;) {
    while (connection.input().starts_with("\r\n")) connection.use(2);  // some clients end a body so
    const size_t size = find_head_end(connection.input().substr(0, limit));
    if (size != std::string_view::npos) return size;
    if (connection.input().size() >= limit) {
      say_goodbye(connection, {.status = 400, .body = "Request header too large.\n"});
      return 0;
    }
    if (connection.receive(deadline)) continue;
    if (connection.timed_out()) say_goodbye(connection, {.status = 408, .body = "The request did not arrive in time.\n"});
    return 0;
  }
}

Answer ask(RequestHandler& handler, const Request& request) {
  try {
    return handler.answer(request);
  } catch (const std::exception& error) {
    log::error("a control request failed", {{"reason", error.what()}});
    Answer answer{.status = 500, .body = "Internal error.\n"};
    return request.path.starts_with(kOperations) ? as_problem(std::move(answer)) : answer;
  }
}

}  // namespace

TurnEnd take_turn(Connection& connection, RequestHandler& handler, const TurnLimits& limits) {
  const TimePoint deadline = std::chrono::steady_clock::now() + limits.patience;
  const size_t size = read_head(connection, limits.head, deadline);
  if (size == 0) return {};
  const auto text = connection.input().substr(0, size);
  const auto head = check_head(text);
  if (!head) return say_goodbye(connection, for_operations(text) ? as_problem(head.error()) : head.error());
  connection.use(size);

  BodyReader body(connection, *head, deadline);
  const Answer answer = ask(handler, {.method = head->method,
                                      .path = head->path,
                                      .query = head->query,
                                      .accept = head->accept,
                                      .authorization = head->authorization,
                                      .idempotency_key = head->idempotency_key,
                                      .host = head->host,
                                      .origin = head->origin,
                                      .content_type = head->content_type,
                                      .from_page = head->from_page,
                                      .traceparent = head->traceparent,
                                      .last_event_id = head->last_event_id,
                                      .peer = connection,
                                      .body = body});
  if (answer.events) return {.again = false, .events = answer.events};
  const bool go_on = head->keep_alive && body.reusable() && !limits.stopping;
  if (!connection.send(render(answer, head->method != "HEAD", !go_on))) return {};
  if (go_on) return {.again = body.skip_rest(), .events = {}};
  // Only a client that is still sending needs the gentle way, which may hold this worker for a second.
  if (!body.finished() || !connection.input().empty()) connection.close_gently();
  return {};
}

}  // namespace holdfast::control
