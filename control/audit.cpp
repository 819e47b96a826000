#include "control/audit.h"

#include <utility>

#include "gateway/base/log.h"

namespace holdfast::control {
namespace {

constexpr int kLinesPerSecond = 20;

}  // namespace

bool Audit::admit(int64_t& left_out) {
  if (!log::enabled(log::Level::info)) return false;
  const TimePoint now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    lines_ = 0;
  }
  if (++lines_ > kLinesPerSecond) {
    ++left_out_;
    return false;
  }
  left_out = std::exchange(left_out_, 0);
  return true;
}

void Audit::done(std::string_view caller, std::string_view action, std::string_view target, std::string_view outcome) {
  int64_t left_out = 0;
  if (!admit(left_out)) return;
  log::info("an operator acted",
            {{"caller", caller}, {"action", action}, {"target", target}, {"outcome", outcome}, {"lines_left_out", left_out}});
}

void Audit::refused(std::string_view caller, std::string_view action, std::string_view target, std::string_view reason) {
  int64_t left_out = 0;
  if (!admit(left_out)) return;
  log::info("a caller was refused",
            {{"caller", caller}, {"action", action}, {"target", target}, {"reason", reason}, {"lines_left_out", left_out}});
}

}  // namespace holdfast::control
