#include <gtest/gtest.h>

#include "gateway/import/ini_file.h"
#include "gateway/import/pushpin_settings.h"

namespace holdfast::importing {
namespace {

using Values = std::vector<std::string>;

Values values_of(std::string_view line) {
  const auto entries = parse_ini("[s]\n" + std::string(line) + "\n", "f");
  return entries.size() == 1 ? entries[0].values : Values{"?"};
}

TEST(IniFile, NamesSectionKeyAndLine) {
  const auto entries = parse_ini("; a\n# b\n\n[proxy]\ndebug=true\r\n nonsense\n[handler]\n  message_rate = 7 \n", "pushpin.conf");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].key, "proxy/debug");
  EXPECT_EQ(entries[0].values, Values{"true"});
  EXPECT_EQ(entries[0].where, "pushpin.conf:5");
  EXPECT_EQ(entries[1].key, "handler/message_rate");
  EXPECT_EQ(entries[1].values, Values{"7"});
}

TEST(IniFile, ReadsValuesAsQtDoes) {
  EXPECT_EQ(values_of("k="), Values{""});
  EXPECT_EQ(values_of("k=a, b ,c"), (Values{"a", "b", "c"}));
  EXPECT_EQ(values_of("k=\"a, b \""), Values{"a, b "});
  EXPECT_EQ(values_of("k=\"say \\\"hi\\\" \\\\\""), Values{"say \"hi\" \\"});
  EXPECT_EQ(values_of("k=a ; why"), Values{"a"});
  EXPECT_EQ(values_of("k=a#b"), Values{"a#b"});
  EXPECT_EQ(values_of("k=\"a;b\""), Values{"a;b"});
  EXPECT_EQ(values_of("k=a\\nb\\x41"), Values{"a\nbA"});
  EXPECT_EQ(values_of("k=\\"), Values{"\\"});
}

TEST(IniFile, OddFilesAreNoTrouble) {
  EXPECT_TRUE(parse_ini("", "f").empty());
  EXPECT_EQ(parse_ini("[\nk=v", "f").size(), 1u);
  EXPECT_EQ(parse_ini("\xef\xbb\xbf[s]\nk=v", "f")[0].key, "s/k");
  EXPECT_EQ(parse_ini("k=\"never closed", "f")[0].values, Values{"never closed"});
}

ReadFile files(std::map<std::string, std::string> all) {
  return [all = std::move(all)](const std::string& path) -> Result<std::string> {
    const auto found = all.find(path);
    if (found == all.end()) return fail(ErrorKind::not_found, path + ": cannot be read");
    return found->second;
  };
}

TEST(PushpinSettings, TheMainFileWinsOverItsInclude) {
  const auto read = files({{"/etc/p/pushpin.conf", "[global]\ninclude=more.conf\n[proxy]\ndebug=true\ndebug=false\n"},
                           {"/etc/p/more.conf", "[proxy]\ndebug=1\nsig_iss=more\n"}});
  const auto settings = PushpinSettings::load("/etc/p/pushpin.conf", read);
  ASSERT_TRUE(settings);
  EXPECT_FALSE(settings->flag("proxy/debug"));
  EXPECT_EQ(settings->text("proxy/sig_iss"), "more");
  EXPECT_EQ(settings->find("proxy/sig_iss")->where, "more.conf:3");
  EXPECT_EQ(settings->main_entries().size(), 2u);
  EXPECT_EQ(settings->folder(), "/etc/p/");
}

TEST(PushpinSettings, VariablesAndPortOffsetAreResolved) {
  const auto read = files({{"c",
                            "[global]\nrundir=/run/p\nipc_prefix=x-\nport_offset=10\ninclude=internal.conf\nlibdir=/opt\n"
                            "[handler]\nstats_spec=ipc://{rundir}/{ipc_prefix}stats\npush_in_sub_specs=tcp://*:5562,ipc:///a\n"}});
  const auto settings = PushpinSettings::load("c", read);
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->text("handler/stats_spec"), "ipc:///run/p/x-stats");
  EXPECT_EQ(settings->list("handler/push_in_sub_specs"), (Values{"tcp://*:5572", "ipc:///a"}));
  EXPECT_EQ(settings->missing_include(), "/opt/internal.conf");
}

TEST(PushpinSettings, AMissingFileIsAnError) {
  const auto settings = PushpinSettings::load("c", files({}));
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().text, "c: cannot be read");
}

TEST(PushpinSettings, AnythingButNothingIsTrue) {
  const auto settings = PushpinSettings::load("c", files({{"c", "[s]\na=no\nb=0\nc=False\nd=\ne=true\n"}}));
  ASSERT_TRUE(settings);
  EXPECT_TRUE(settings->flag("s/a"));
  EXPECT_FALSE(settings->flag("s/b"));
  EXPECT_FALSE(settings->flag("s/c"));
  EXPECT_FALSE(settings->flag("s/d"));
  EXPECT_TRUE(settings->flag("s/e"));
  EXPECT_FALSE(settings->flag("s/none"));
}

}  // namespace
}  // namespace holdfast::importing
