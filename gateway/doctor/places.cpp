#include "gateway/doctor/places.h"

#include "gateway/base/reach.h"

namespace holdfast::doctor {

namespace {

Result<void> reach(const Place& place, Duration patience) {
  return place.unix_socket ? reach_unix(place.host) : reach_tcp(place.host, place.port, patience);
}

}  // namespace

Findings reach_backends(const std::vector<Place>& backends, Duration patience) {
  Findings out;
  for (const auto& backend : backends) {
    if (const auto reached = reach(backend, patience)) {
      out.push_back(good(backend.what, "accepts connections"));
    } else {
      out.push_back(broken(backend.what, reached.error().text, "start it, or mend its route: its requests are answered 502"));
    }
  }
  return out;
}

Findings look_at_doors(const std::vector<Place>& doors, bool running, Duration patience) {
  Findings out;
  for (const auto& door : doors) {
    const auto reached = reach(door, patience);
    if (running) {
      out.push_back(reached ? good(door.what, "accepts connections")
                            : broken(door.what, reached.error().text,
                                     "see the log of the node that runs here: it was started with another configuration"));
    } else {
      out.push_back(reached ? broken(door.what, "somebody else listens there", "end that program, or choose another address")
                            : good(door.what, "free"));
    }
  }
  return out;
}

}  // namespace holdfast::doctor
