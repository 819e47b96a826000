#include "gateway/net/loop.h"

#include <algorithm>
#include <array>
#include <sys/epoll.h>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <unistd.h>

namespace holdfast {

namespace asio = boost::asio;

namespace {
constexpr int kBatch = 256;
}

// Asio runs the loop: posted work, timers, name resolution. Connections are in an epoll set of our own, which Asio watches as one
// descriptor.
struct Loop::State {
  State(const Clock& clock, Metrics& metrics)
      : context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
        epoll(::epoll_create1(EPOLL_CLOEXEC)),
        descriptor(context, epoll),
        timers(clock),
        alarm(context),
        lag(metrics.histogram("holdfast_loop_lag_seconds", "How late timers of the loops fire: time that other work held the loop.",
                              {0.001, 0.005, 0.02, 0.1, 0.5, 2})) {
    timers.on_earlier([this] { arm(); });
  }

  void wait() {
    descriptor.async_wait(asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
      if (error) return;
      dispatch();
      wait();
    });
  }

  void dispatch() {
    count = ::epoll_wait(epoll, events.data(), kBatch, 0);
    for (current = 0; current < count; ++current) {
      auto& event = events[static_cast<size_t>(current)];
      if (event.data.ptr != nullptr) static_cast<Watch*>(event.data.ptr)->on_events(event.events);
    }
    count = 0;
  }

  void forget(const Watch& watch) {
    for (int i = current; i < count; ++i) {
      auto& event = events[static_cast<size_t>(i)];
      if (event.data.ptr == &watch) event.data.ptr = nullptr;
    }
    std::replace(nudged.begin(), nudged.end(), const_cast<Watch*>(&watch), static_cast<Watch*>(nullptr));
    std::replace(nudging.begin(), nudging.end(), const_cast<Watch*>(&watch), static_cast<Watch*>(nullptr));
  }

  void run_nudged() {
    nudging.swap(nudged);
    for (size_t i = 0; i < nudging.size(); ++i) {
      if (nudging[i] != nullptr) nudging[i]->on_events(0);
    }
    nudging.clear();
  }

  void run_turn_end() {
    ending.swap(turn_end);
    for (auto& work : ending) work();
    ending.clear();
  }

  void arm() {
    if (running_timers) return;
    const TimePoint next = timers.next();
    if (next == TimePoint::max()) return;
    alarm.expires_at(next);
    alarm.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      const auto late = timers.now() - timers.next();
      if (late.count() > 0) lag.observe(std::chrono::duration<double>(late).count());
      running_timers = true;
      timers.run();
      running_timers = false;
      arm();
    });
  }

  asio::io_context context;
  int epoll;
  asio::posix::basic_stream_descriptor<asio::io_context::executor_type> descriptor;
  Timers timers;
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, asio::io_context::executor_type>
      alarm;
  Histogram& lag;
  bool running_timers = false;

  std::array<epoll_event, kBatch> events{};
  int current = 0, count = 0;
  std::vector<Watch*> nudged, nudging;
  std::vector<std::function<void()>> turn_end, ending;
};

Loop::Loop(const Clock& clock, Metrics& metrics) : state_(std::make_unique<State>(clock, metrics)) {}
Loop::~Loop() = default;

void Loop::run() {
  const auto guard = asio::make_work_guard(state_->context);
  state_->wait();
  state_->context.run();
}

void Loop::stop() { state_->context.stop(); }
void Loop::post(std::function<void()> work) { asio::post(state_->context, std::move(work)); }
Timers& Loop::timers() { return state_->timers; }
asio::io_context& Loop::context() { return state_->context; }

void Loop::add(int fd, Watch& watch) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &watch;
  ::epoll_ctl(state_->epoll, EPOLL_CTL_ADD, fd, &event);
}

void Loop::remove(int fd, Watch& watch) {
  ::epoll_ctl(state_->epoll, EPOLL_CTL_DEL, fd, nullptr);
  state_->forget(watch);
}

void Loop::nudge(Watch& watch) {
  if (state_->nudged.empty()) {
    asio::post(state_->context, [state = state_.get()] { state->run_nudged(); });
  }
  state_->nudged.push_back(&watch);
}

void Loop::at_turn_end(std::function<void()> work) {
  if (state_->turn_end.empty()) {
    asio::post(state_->context, [state = state_.get()] { state->run_turn_end(); });
  }
  state_->turn_end.push_back(std::move(work));
}

}  // namespace holdfast
