#include "gateway/session/websocket/ws_options.h"

namespace holdfast {

void declare(OptionSet& set, WsOptions& o) {
  {
    const OptionSet::Section section(set, "websocket");
    set.size("max_message", o.limits.max_message, "Largest message of a client, after inflating; 0: no limit. Larger ones close with 1009.")
        .range(0, 4294967296);
    set.integer("max_frames", o.limits.max_frames, "Most frames of one message of a client; 0: no limit. More close with 1008.")
        .range(0, 100000000);
    set.size("over_http_buffer", o.over_http_buffer,
             "A client is read no further while so many bytes wait for the answer of its WebSocket-over-HTTP backend.")
        .range(1024, 1073741824);
    set.size("over_http_reply", o.over_http_reply, "Largest answer of a WebSocket-over-HTTP backend.").range(1024, 1073741824);
    set.duration("close_timeout", o.close_timeout, "How long either side may take to answer a Close.").range(100, 600000);
    set.text("sockjs_url", o.sockjs_url, "Where the iframe page of SockJS routes loads sockjs-client from.");
  }
  declare(set, o.compression);
}

}  // namespace holdfast
