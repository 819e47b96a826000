#include "control/cli/bench_command.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <iostream>
#include <memory>
#include <sys/resource.h>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "control/cli/control_client.h"
#include "control/cli/listeners.h"

namespace holdfast::control {

namespace {

using Seconds = std::chrono::duration<double>;
using std::chrono::milliseconds;

struct Arguments {
  DoorArguments door;
  std::string edge = "http://127.0.0.1:7999/events/bench";
  std::string channel = "bench";
  size_t clients = 100;
  size_t rate = 10;  // messages a second
  size_t seconds = 5;
};

// Publishes on a thread of its own, at a steady rate.
class Publisher {
 public:
  Publisher(ControlClient client, const Arguments& arguments)
      : client_(std::move(client)), arguments_(arguments), thread_([this] { run(); }) {}
  ~Publisher() {
    ending_ = true;
    thread_.join();
  }
  bool over() const { return over_; }
  size_t published() const { return published_; }
  size_t refused() const { return refused_; }

 private:
  void run() {
    auto at = Listeners::Clock::now();
    const size_t wanted = arguments_.rate * arguments_.seconds;
    for (size_t i = 0; i < wanted && !ending_; ++i) {
      std::this_thread::sleep_until(at);
      at += std::chrono::duration_cast<Listeners::Clock::duration>(Seconds(1.0 / static_cast<double>(arguments_.rate)));
      const nlohmann::json item{{"channel", arguments_.channel},
                                {"formats", {{"http-stream", {{"content", "data: " + Listeners::stamp() + "\n\n"}}}}}};
      const auto answer = client_.post("/publish/", nlohmann::json{{"items", {item}}}.dump());
      ++(answer && answer->status == 200 ? published_ : refused_);
    }
    over_ = true;
  }

  ControlClient client_;
  const Arguments& arguments_;
  std::atomic<bool> ending_{false}, over_{false};
  std::atomic<size_t> published_{0}, refused_{0};
  std::thread thread_;
};

float share(const std::vector<float>& sorted, double part) {
  return sorted.empty() ? 0 : sorted[std::min(sorted.size() - 1, static_cast<size_t>(part * static_cast<double>(sorted.size())))];
}

class Bench {
 public:
  explicit Bench(const Arguments& arguments) : a_(arguments) {}

  Exit run() {
    const Complaint complaint("bench", a_.door.json, std::cout, std::cerr);
    auto client = ControlClient::open(a_.door, std::cin);
    if (!client) return complaint.usage(client.error().text);
    raise_limit();
    say("opening " + std::to_string(a_.clients) + " streams at " + a_.edge);
    if (const auto opened = listeners_.open(a_.edge, a_.clients); !opened)
      return opened.error().kind == ErrorKind::invalid ? complaint.usage(opened.error().text) : complaint.unreachable(opened.error().text);
    const auto until = Listeners::Clock::now() + std::chrono::seconds(30);
    while (listeners_.begun() + listeners_.ended() < a_.clients && Listeners::Clock::now() < until) listeners_.turn(milliseconds(100));
    if (listeners_.begun() < a_.clients)
      return complaint.unreachable("only " + std::to_string(listeners_.begun()) + " of " + std::to_string(a_.clients) +
                                   " streams are held" +
                                   (listeners_.refusal().empty() ? "" : "; the node answered " + listeners_.refusal()));
    return measure(std::move(*client));
  }

 private:
  Exit measure(ControlClient client) {
    Publisher publisher(std::move(client), a_);
    const auto begin = Listeners::Clock::now();
    auto told = begin;
    auto last = begin;  // when something came
    uint64_t seen = 0;
    while (!publisher.over() || (missing(publisher) > 0 && Listeners::Clock::now() - last < std::chrono::seconds(3))) {
      listeners_.turn(milliseconds(50));
      const auto now = Listeners::Clock::now();
      if (listeners_.messages() != seen) last = now;
      seen = listeners_.messages();
      if (now - told < std::chrono::seconds(1)) continue;
      told = now;
      progress(publisher, Seconds(now - begin).count());
    }
    return report(publisher, Seconds(last - begin).count());
  }

  uint64_t missing(const Publisher& publisher) const {
    const uint64_t wanted = publisher.published() * a_.clients;
    return wanted - std::min<uint64_t>(wanted, listeners_.messages());
  }

  void progress(const Publisher& publisher, double seconds) const {
    char text[160];
    std::snprintf(text, sizeof text, "%4.0f s  published %zu  delivered %llu  streams lost %zu", seconds, publisher.published(),
                  static_cast<unsigned long long>(listeners_.messages()), listeners_.ended());
    say(text);
  }

  Exit report(const Publisher& publisher, double seconds) {
    auto& delays = listeners_.delays();
    std::sort(delays.begin(), delays.end());
    const double rate = seconds > 0 ? static_cast<double>(listeners_.messages()) / seconds : 0;
    const nlohmann::json all{{"clients", a_.clients},
                             {"published", publisher.published()},
                             {"refused", publisher.refused()},
                             {"delivered", listeners_.messages()},
                             {"missing", missing(publisher)},
                             {"streamsLost", listeners_.ended()},
                             {"deliveriesPerSecond", rate},
                             {"delayMs", {{"p50", share(delays, 0.5)}, {"p99", share(delays, 0.99)}, {"max", share(delays, 1)}}}};
    if (a_.door.json) {
      std::cout << all.dump() << "\n";
    } else {
      std::printf("%.0f deliveries a second to %zu streams, delay p50 %.2f ms, p99 %.2f ms, most %.2f ms\n", rate, a_.clients,
                  share(delays, 0.5), share(delays, 0.99), share(delays, 1));
      std::printf("published %zu, refused %zu, delivered %llu, missing %llu, streams lost %zu\n", publisher.published(),
                  publisher.refused(), static_cast<unsigned long long>(listeners_.messages()),
                  static_cast<unsigned long long>(missing(publisher)), listeners_.ended());
    }
    return missing(publisher) == 0 && publisher.refused() == 0 ? Exit::good : Exit::refused;
  }

  void say(const std::string& text) const {
    if (!a_.door.json) std::cerr << text << "\n";
  }
  static void raise_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }

  const Arguments& a_;
  Listeners listeners_;
};

}  // namespace

void add_bench_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  Arguments& a = *arguments;
  CLI::App* command = app.add_subcommand("bench", "Hold streams at a node, publish to them, and measure");
  command->add_option("--edge", a.edge, "Stream to hold (default: /events/bench, port 7999)")->type_name("URL");
  command->add_option("--channel", a.channel, "Channel of that stream (default bench)")->type_name("CHANNEL");
  command->add_option("--clients", a.clients, "Streams (default 100)")->type_name("N")->check(CLI::Range(1, 1000000));
  command->add_option("--rate", a.rate, "Messages a second (default 10)")->type_name("N")->check(CLI::Range(1, 100000));
  command->add_option("--seconds", a.seconds, "How long (default 5)")->type_name("N")->check(CLI::Range(1, 3600));
  add_door_options(*command, a.door);
  command->footer("Example: holdfast bench --clients 1000 --rate 20\nExit: 0 all came, 1 some did not, 2 usage, 3 unreachable");
  command->callback([arguments, &exit_code] { exit_code = static_cast<int>(Bench(*arguments).run()); });
}

}  // namespace holdfast::control
