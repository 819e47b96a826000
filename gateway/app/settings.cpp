#include "gateway/app/settings.h"

namespace holdfast {

void declare(OptionSet& set, NodeOptions& o) {
  set.choice("role", o.role, {"all", "gateway", "control"},
             "gateway holds clients, control takes publications, all does both; the broker connects them.");
  set.integer("loops", o.loops, "Event loops, each a thread; 0 means one per core.").range(0, 64);
  set.path("routes_file", o.routes_file, "Routes in Pushpin's syntax, read beside those under routes; watched for changes.");
  {
    OptionSet::Section section(set, "log");
    set.choice("level", o.log_level, {"trace", "debug", "info", "warn", "error", "off"}, "Least level that is written.");
    set.choice("format", o.log_format, {"text", "json"}, "text for people, json for collectors.");
  }
  OptionSet::Section section(set, "drain");
  set.duration("delay", o.drain_delay, "From not being ready to closing listeners, so that load balancers notice.").range(0, 3600000);
  set.duration("window", o.drain_window, "Over which holds end after that; make it shorter than the time you are given to stop.")
      .range(0, 3600000);
}

void declare_all(OptionSet& set, Settings& settings) {
  declare(set, settings.node);
  declare(set, settings.edge);
  declare(set, settings.proxy);
  declare(set, settings.upstream);
  declare(set, settings.delivery);
  declare(set, settings.hold);
  declare(set, settings.websocket);
  declare(set, settings.broker);
  control::declare(set, settings.control);
  control::declare(set, settings.auth);
  control::declare(set, settings.grpc);
  control::declare(set, settings.zmq);
  control::declare(set, settings.admin);
  control::declare(set, settings.tracing);
}

}  // namespace holdfast
