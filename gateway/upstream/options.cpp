#include "gateway/upstream/client.h"

namespace holdfast {

void declare(OptionSet& set, UpstreamOptions& options) {
  const OptionSet::Section section(set, "upstream");
  set.duration("connect_timeout", options.connect_timeout,
               "How long one address of a backend may take to accept a connection, TLS included.")
      .range(1, 600'000);
  set.duration("response_timeout", options.response_timeout,
               "How long a backend may take from the whole request to the head of its response, and between pieces of a body.")
      .range(1, 86'400'000);
  set.duration("idle_timeout", options.idle_timeout, "Closes a kept connection to a backend that no request used for this long.")
      .range(1, 86'400'000);
  set.integer("max_idle_per_target", options.max_idle_per_target, "Connections kept open to one backend address by one loop.")
      .range(0, 100'000);
  set.integer("max_connections_per_target", options.max_connections_per_target,
              "Connections of one loop to one backend address; more requests wait.")
      .range(1, 100'000);
  set.integer("max_waiting_per_target", options.max_waiting_per_target,
              "Requests of one loop that wait for a connection to one backend address; more are refused.")
      .range(0, 1'000'000);
  set.size("max_response_head", options.max_response_head,
           "Largest status line and header block of a response, interim responses included.")
      .range(1024, 16 * 1024 * 1024);
  set.path("ca_file", options.ca_file,
           "PEM file of the authorities that backends' certificates are verified against; empty: the system's.");
}

}  // namespace holdfast
