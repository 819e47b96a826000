#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/config/loader.h"
#include "tests/unit/config_support.h"

namespace holdfast {
namespace {

using test::kStructuralKeys;
using test::SampleOptions;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

class LoaderTest : public testing::Test {
 protected:
  LoadedConfig load() { return load_config(sources_, kStructuralKeys, sample_.set); }
  LoadedConfig load(std::string_view yaml) {
    sources_.file = folder_.write("holdfast.yaml", yaml);
    return load();
  }
  // Problems with the folder left out.
  std::vector<std::string> problems_of(std::string_view yaml) {
    auto problems = load(yaml).problems;
    for (std::string& problem : problems) {
      for (size_t at; (at = problem.find(folder_.path() + "/")) != std::string::npos;) problem.erase(at, folder_.path().size() + 1);
    }
    return problems;
  }

  const test::TempFolder folder_;
  test::Sample sample_;
  SampleOptions& options_ = sample_.options;
  ConfigSources sources_;
};

TEST_F(LoaderTest, NothingGivenLeavesTheDefaults) {
  EXPECT_TRUE(load().ok());
  EXPECT_EQ(options_, SampleOptions());
}

TEST_F(LoaderTest, FileSetsEveryType) {
  const auto loaded = load(
      "log_level: debug\n"
      "edge:\n"
      "  max_head: 8KiB\n"
      "  idle_timeout: 90\n"
      "  connections: 7\n"
      "  strict: off\n"
      "control:\n"
      "  http:\n"
      "    address: \"[::1]:80\"\n"
      "    tokens: [a, 'b,c']\n"
      "    origins: one.example\n");
  EXPECT_THAT(loaded.problems, IsEmpty());
  EXPECT_EQ(options_.log_level, "debug");
  EXPECT_EQ(options_.max_head, 8192u);
  EXPECT_EQ(options_.idle_timeout, 90s);
  EXPECT_EQ(options_.connections, 7);
  EXPECT_FALSE(options_.strict);
  EXPECT_EQ(options_.address, "[::1]:80");
  EXPECT_THAT(options_.tokens, ElementsAre("a", "b,c"));
  EXPECT_THAT(options_.origins, ElementsAre("one.example"));
}

TEST_F(LoaderTest, JsonAndDottedKeysWork) {
  EXPECT_THAT(problems_of(R"({"edge": {"connections": 8}, "control.http": {"tokens": []}, "control.http.address": ""})"), IsEmpty());
  EXPECT_EQ(options_.connections, 8);
  EXPECT_EQ(options_.address, "");
}

TEST_F(LoaderTest, EmptySectionsAreFine) {
  EXPECT_THAT(problems_of("edge:\ncontrol:\n  http:\n"), IsEmpty());
  EXPECT_EQ(options_, SampleOptions());
}

TEST_F(LoaderTest, AllProblemsAreReportedWithPlaceAndHint) {
  EXPECT_THAT(
      problems_of("log_level: loud\n"
                  "edge:\n"
                  "  idle_timeoutt: 5s\n"
                  "  max_head: 1MiB\n"
                  "  strict: perhaps\n"
                  "  connections: [1]\n"
                  "  cert:\n"
                  "egde:\n"
                  "  connections: 1\n"
                  "rutes: []\n"
                  "idle_timeout: 5s\n"
                  "control: 5\n"
                  "zzz: 1\n"),
      ElementsAre("holdfast.yaml:1: log_level: unknown word 'loud', one of: debug, info, warn",
                  "holdfast.yaml:3: unknown key 'edge.idle_timeoutt'; did you mean 'edge.idle_timeout'?",
                  "holdfast.yaml:4: edge.max_head: must be between 1KiB and 64KiB", "holdfast.yaml:5: edge.strict: expected true or false",
                  "holdfast.yaml:6: edge.connections: expected a single value, not a list",
                  "holdfast.yaml:7: edge.cert: has no value; leave the line out for the default",
                  "holdfast.yaml:8: unknown key 'egde'; did you mean 'edge'?",
                  "holdfast.yaml:10: unknown key 'rutes'; did you mean 'routes'?",
                  "holdfast.yaml:11: unknown key 'idle_timeout'; did you mean 'edge.idle_timeout'?",
                  "holdfast.yaml:12: control: is a section: its options stand below it", "holdfast.yaml:13: unknown key 'zzz'"));
}

TEST_F(LoaderTest, ListElementsMustBeTexts) {
  EXPECT_THAT(problems_of("control.http:\n  tokens:\n    - a\n    - [b]\n    - c: d\n  origins: {a: b}\n"),
              ElementsAre("holdfast.yaml:4: control.http.tokens[1]: expected a single value, not a list",
                          "holdfast.yaml:5: control.http.tokens[2]: expected a single value, not a map",
                          "holdfast.yaml:6: control.http.origins: expected a list of texts, not a map"));
  EXPECT_THAT(options_.tokens, IsEmpty());
}

TEST_F(LoaderTest, KeysGivenTwiceAreRefusedInEverySpelling) {
  EXPECT_THAT(problems_of("edge:\n  connections: 1\nedge.connections: 2\n"),
              ElementsAre("holdfast.yaml:3: key 'edge.connections' is given twice, first at holdfast.yaml:2"));
  EXPECT_THAT(problems_of("listen: []\nlisten: []\n"),
              ElementsAre("holdfast.yaml:2: key 'listen' is given twice, first at holdfast.yaml:1"));
}

TEST_F(LoaderTest, StructuresAreHandedOverAsTheyStand) {
  const auto loaded = load("routes:\n  - path: /a\n    targets: [{host: b}]\n");
  EXPECT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.folder, folder_.path());
  ASSERT_EQ(loaded.structures.size(), 1u);
  const ConfigNode& routes = loaded.structures.at("routes");
  ASSERT_TRUE(routes.is_list());
  EXPECT_EQ(routes.children[0].find("targets")->children[0].find("host")->problem("!"),
            folder_.path() + "/holdfast.yaml:3: routes[0].targets[0].host: !");
}

TEST_F(LoaderTest, PathsOfTheFileCountFromItsFolder) {
  EXPECT_TRUE(load("edge: {cert: tls/a.pem}\n").ok());
  EXPECT_EQ(options_.cert, folder_.path() + "/tls/a.pem");
  sources_.assignments = {"edge.cert=tls/b.pem"};
  EXPECT_TRUE(load().ok());
  EXPECT_EQ(options_.cert, "tls/b.pem");
}

TEST_F(LoaderTest, FlagsWinOverTheEnvironmentAndItOverTheFile) {
  sources_.environment = {{"HOLDFAST_EDGE_IDLE_TIMEOUT", "2s"}, {"HOLDFAST_EDGE_CONNECTIONS", "2"}, {"PATH", "/bin"}};
  sources_.assignments = {"edge.idle_timeout=3s", "edge.idle_timeout=4s"};
  EXPECT_TRUE(load("edge: {idle_timeout: 1s, connections: 1, max_head: 1KiB}\n").ok());
  EXPECT_EQ(options_.idle_timeout, 4s);
  EXPECT_EQ(options_.connections, 2);
  EXPECT_EQ(options_.max_head, 1024u);
}

TEST_F(LoaderTest, ListsOutsideTheFileAreSeparatedByCommas) {
  sources_.environment = {{"HOLDFAST_CONTROL_HTTP_TOKENS", "a, b"}, {"HOLDFAST_CONTROL_HTTP_ORIGINS", ""}};
  EXPECT_TRUE(load().ok());
  EXPECT_THAT(options_.tokens, ElementsAre("a", "b"));
  EXPECT_THAT(options_.origins, IsEmpty());
}

TEST_F(LoaderTest, UnknownVariablesAreWarnedAbout) {
  sources_.environment = {{"HOLDFAST_CONFIG", "/x"},
                          {"HOLDFAST_EDGE_IDLE_TIMEOUTT", "secret"},
                          {"HOLDFAST_PORT_80_TCP_ADDR", "10.0.0.1"},
                          {"HOLDFAST_ROUTES", "x"},
                          {"HOLDFASTX", "x"}};
  const auto loaded = load();
  EXPECT_TRUE(loaded.ok());
  EXPECT_THAT(loaded.warnings, ElementsAre("HOLDFAST_EDGE_IDLE_TIMEOUTT: no such option; did you mean HOLDFAST_EDGE_IDLE_TIMEOUT?",
                                           "HOLDFAST_PORT_80_TCP_ADDR: no such option",
                                           "HOLDFAST_ROUTES: is a list of maps; write it in the configuration file"));
}

TEST_F(LoaderTest, WrongVariablesAreProblems) {
  sources_.environment = {{"HOLDFAST_EDGE_CONNECTIONS", "0"}, {"HOLDFAST_EDGE_STRICT", ""}};
  EXPECT_THAT(load().problems,
              ElementsAre("HOLDFAST_EDGE_CONNECTIONS: must be between 1 and 1000", "HOLDFAST_EDGE_STRICT: expected true or false"));
}

TEST_F(LoaderTest, WrongAssignmentsAreProblems) {
  sources_.assignments = {"edge.strict", "edge.strct=true", "edge.connections=x", "routes=[]", "=x", "", "control.http.address=a=b"};
  EXPECT_THAT(
      load().problems,
      ElementsAre("--set edge.strict: expected key=value", "--set: unknown key 'edge.strct'; did you mean 'edge.strict'?",
                  "--set edge.connections: expected a whole number", "--set routes: is a list of maps; write it in the configuration file",
                  "--set: unknown key ''", "--set : expected key=value"));
  EXPECT_EQ(options_.address, "a=b");
}

TEST_F(LoaderTest, ProblemsOfAllSourcesComeTogether) {
  sources_.environment = {{"HOLDFAST_EDGE_CONNECTIONS", "0"}};
  sources_.assignments = {"nonsense=1"};
  EXPECT_EQ(load("also_nonsense: 1\nlog_level: x\n").problems.size(), 4u);
}

TEST_F(LoaderTest, FileOfNothingButMistakesIsBounded) {
  std::string yaml;
  for (int i = 0; i < 5'000; ++i) yaml += "wrong_key_" + std::to_string(i) + ": 1\n";
  const auto problems = load(yaml).problems;
  ASSERT_EQ(problems.size(), 101u);
  EXPECT_EQ(problems.back(), "and 4900 more");
}

TEST_F(LoaderTest, MissingFileIsAProblem) {
  sources_.file = folder_.path() + "/none.yaml";
  EXPECT_THAT(load().problems, ElementsAre(HasSubstr("cannot be read")));
}

TEST(EnvironmentNames, FollowFromKeys) {
  EXPECT_EQ(environment_name("edge.idle_timeout"), "HOLDFAST_EDGE_IDLE_TIMEOUT");
  EXPECT_EQ(environment_name("a-b.c1"), "HOLDFAST_A_B_C1");
}

TEST(ProcessEnvironment, IsReadInPairs) {
  ASSERT_EQ(::setenv("HOLDFAST_TEST_PAIR", "a=b", 1), 0);
  EXPECT_THAT(process_environment(), Contains(std::pair<std::string, std::string>("HOLDFAST_TEST_PAIR", "a=b")));
  ::unsetenv("HOLDFAST_TEST_PAIR");
}

}  // namespace
}  // namespace holdfast
