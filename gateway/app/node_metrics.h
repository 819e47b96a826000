#pragma once

#include <cstddef>

#include "gateway/app/settings.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "gateway/hub/hub.h"

namespace holdfast {

// What no component counts by itself. All is asked for at scrape time and costs nothing in between.

// The names that every Prometheus client library gives to what the system knows of the process.
void process_metrics(Metrics& metrics);

// Version, and the bounds of the node's queues beside what is in them. The hub lives until the metrics are no longer asked for.
void limit_metrics(Metrics& metrics, const Settings& settings, const Hub& hub, size_t loops);

double seconds_since_1970(WallTime time);

}  // namespace holdfast
