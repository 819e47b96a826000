#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/net/http.h"
#include "gateway/upstream/client.h"

namespace holdfast {

class Loop;

// The `test` target: a backend inside the node, with which a route, a client or a publisher can be tried. It has the resources of
// Pushpin's:
//
//     /           greets
//     /response   holds for the next message of its channels
//     /stream     holds a stream of them
//     /ws         a WebSocket: subscribes to them, and sends each message back
//
// Its channels are the values of `channel` in the query, else "test". Anything else is a 404. So who can reach it can listen to everything.
struct TestResource {
  std::string path;  // one slash at the end does not count
  std::vector<std::string> channels;
};
// `target`: path and query, as the client sent them. `prefix`: the route's, which is no part of the path; what else the route does with
// paths does not matter here.
TestResource test_resource(std::string_view target, std::string_view prefix);

struct TestAnswer {
  ResponseHead head;
  std::string body;
};
TestAnswer test_answer(const TestResource& resource);

// A request to it: answered when its body was sent. Threads: that of `loop`, which outlives the call, as `handler` does.
std::unique_ptr<UpstreamCall> call_test_target(Loop& loop, TestAnswer answer, BodyFraming body, UpstreamHandler& handler);

}  // namespace holdfast
