#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/config/reload.h"
#include "tests/unit/config_support.h"

namespace holdfast {
namespace {

using test::Sample;
using testing::ElementsAre;
using namespace std::chrono_literals;

std::vector<std::string> keys(const std::vector<ConfigChange>& changes) {
  std::vector<std::string> out;
  for (const ConfigChange& change : changes) out.push_back(change.key);
  return out;
}

TEST(Reload, EqualConfigurationsDoNotDiffer) {
  const Sample running, loaded;
  EXPECT_TRUE(compare(running.set, loaded.set).empty());
}

TEST(Reload, ChangesAreSortedByWhetherTheyNeedARestart) {
  Sample running, loaded;
  loaded.options.idle_timeout = 5s;
  loaded.options.log_level = "warn";
  loaded.options.max_head = 2048;
  const ConfigDiff diff = compare(running.set, loaded.set);
  EXPECT_FALSE(diff.empty());
  EXPECT_THAT(keys(diff.reloadable), ElementsAre("log_level", "edge.idle_timeout"));
  ASSERT_THAT(keys(diff.needs_restart), ElementsAre("edge.max_head"));
  EXPECT_EQ(diff.needs_restart[0].before, "16KiB");
  EXPECT_EQ(diff.needs_restart[0].after, "2KiB");
}

TEST(Reload, SecretsAreComparedButNotShown) {
  Sample running, loaded;
  loaded.options.tokens = {"hunter2"};
  const ConfigDiff set = compare(running.set, loaded.set);
  ASSERT_EQ(set.reloadable.size(), 1u);
  EXPECT_EQ(set.reloadable[0].before, "(not set)");
  EXPECT_EQ(set.reloadable[0].after, "(set)");
  running.options.tokens = {"hunter1"};
  EXPECT_EQ(compare(running.set, loaded.set).reloadable.at(0).before, "(set)");
}

TEST(Reload, OnlyReloadableValuesAreTakenOver) {
  Sample running, loaded;
  loaded.options.idle_timeout = 5s;
  loaded.options.tokens = {"a", "b"};
  loaded.options.max_head = 2048;
  EXPECT_TRUE(take_over_reloadable(running.set, loaded.set));
  EXPECT_EQ(running.options.idle_timeout, 5s);
  EXPECT_THAT(running.options.tokens, ElementsAre("a", "b"));
  EXPECT_EQ(running.options.max_head, 16384u);
  EXPECT_THAT(keys(compare(running.set, loaded.set).needs_restart), ElementsAre("edge.max_head"));
}

TEST(Reload, RefusedValueIsNamedAndTheRestTakenOver) {
  Sample running, loaded;
  loaded.options.log_level = "loud";  // as if the two had been declared differently
  loaded.options.idle_timeout = 5s;
  const auto done = take_over_reloadable(running.set, loaded.set);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().text, "log_level: unknown word 'loud', one of: debug, info, warn");
  EXPECT_EQ(running.options.log_level, "info");
  EXPECT_EQ(running.options.idle_timeout, 5s);
}

}  // namespace
}  // namespace holdfast
