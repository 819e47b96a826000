#include "gateway/app/doctor_command.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "gateway/app/doctor.h"
#include "gateway/app/load.h"
#include "gateway/app/serve.h"
#include "gateway/base/log.h"

namespace holdfast {

namespace {

constexpr int kNothingFails = 0;
constexpr int kSomethingFails = 1;
constexpr int kWrongConfig = 2;

struct Arguments {
  ConfigSource source;
  std::string grace;
  bool json = false;
};

const char* word(Finding::State state) {
  switch (state) {
    case Finding::State::ok:
      return "ok";
    case Finding::State::warn:
      return "warn";
    case Finding::State::fail:
      return "FAIL";
  }
  return "";
}

size_t count(const Findings& findings, Finding::State state) {
  return static_cast<size_t>(std::count_if(findings.begin(), findings.end(), [&](const Finding& one) { return one.state == state; }));
}

void print_text(const Findings& findings) {
  for (const Finding& one : findings) {
    std::printf("%-4s  %s: %s\n", word(one.state), one.what.c_str(), one.text.c_str());
    if (!one.advice.empty()) std::printf("      -> %s\n", one.advice.c_str());
  }
  std::printf("%zu ok, %zu to look at, %zu failing\n", count(findings, Finding::State::ok), count(findings, Finding::State::warn),
              count(findings, Finding::State::fail));
}

void print_json(const Findings& findings) {
  nlohmann::json list = nlohmann::json::array();
  for (const Finding& one : findings) {
    const char* state = one.state == Finding::State::fail ? "fail" : word(one.state);
    list.push_back({{"state", state}, {"what", one.what}, {"text", one.text}, {"advice", one.advice}});
  }
  const nlohmann::json all = {{"findings", list},
                              {"ok", count(findings, Finding::State::ok)},
                              {"warn", count(findings, Finding::State::warn)},
                              {"fail", count(findings, Finding::State::fail)}};
  std::printf("%s\n", all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

int complain(const std::vector<std::string>& problems) {
  for (const auto& problem : problems) std::fprintf(stderr, "%s\n", problem.c_str());
  return kWrongConfig;
}

int run_doctor(const Arguments& a) {
  log::configure(log::Level::off, log::Format::text);  // libraries of brokers repeat what the findings say
  const auto loaded = load(a.source);
  auto problems = loaded->problems;
  std::optional<Duration> grace;
  if (!a.grace.empty()) {
    const auto parsed = parse_duration(a.grace);
    if (!parsed) return complain({"--grace: " + parsed.error().text});
    grace = *parsed;
  }
  if (!problems.empty()) return complain(problems);
  const auto routes = read_routes(*loaded->settings, problems);
  if (!problems.empty()) return complain(problems);
  const Findings findings = examine(*loaded->settings, routes, grace);
  a.json ? print_json(findings) : print_text(findings);
  return count(findings, Finding::State::fail) > 0 ? kSomethingFails : kNothingFails;
}

}  // namespace

void add_doctor_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  Arguments& a = *arguments;
  CLI::App* command = app.add_subcommand("doctor", "Check limits, clock, broker and backends");
  command->add_option("-c,--config", a.source.file, "Configuration (YAML); or HOLDFAST_CONFIG says")
      ->type_name("FILE")
      ->envname("HOLDFAST_CONFIG");
  command->add_option("--set", a.source.assignments, "Override an option: broker.type=redis")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command->add_option("--grace", a.grace, "What a stop is given (30s), against drain.window")->type_name("TIME");
  command->add_flag("--json", a.json, "Findings as JSON");
  command->footer(
      "Run it where the node runs. Each finding is ok, warn or FAIL, with what to do.\n"
      "Exit: 0 nothing fails, 1 something does, 2 the configuration is wrong");
  command->callback([arguments, &exit_code] { exit_code = run_doctor(*arguments); });
}

}  // namespace holdfast
