#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/config/config_file.h"
#include "gateway/config/print.h"
#include "gateway/config/yaml_text.h"
#include "tests/unit/config_support.h"

namespace holdfast {
namespace {

using test::kStructuralKeys;
using test::Sample;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(PrintConfig, ShowsEveryOptionWithSecretsHidden) {
  Sample sample;
  sample.options.tokens = {"hunter2"};
  sample.options.cert = "a b.pem";
  EXPECT_EQ(print_config(sample.set, {}, {}),
            "log_level: info\n"
            "edge:\n"
            "  cert: \"a b.pem\"\n"
            "  max_head: 16KiB\n"
            "  idle_timeout: 75s\n"
            "  connections: 100\n"
            "  strict: true\n"
            "control:\n"
            "  http:\n"
            "    address: \"127.0.0.1:5561\"\n"
            "    tokens: \"(set)\"\n"
            "    origins: [a.example, \"b|c\"]\n");
}

TEST(PrintConfig, SectionsDeclaredInPiecesAreGatheredAndOptionsComeFirst) {
  OptionSet set;
  int64_t a = 1, b = 2, c = 3, d = 4;
  set.integer("x.deep.a", a, "");
  set.integer("x.b", b, "");
  set.integer("c", c, "");
  set.integer("x.deep.d", d, "");
  EXPECT_EQ(print_config(set, {}, {}), "c: 3\nx:\n  b: 2\n  deep:\n    a: 1\n    d: 4\n");
}

TEST(PrintConfig, SecretsThatAreNotSetAreShownAsEmpty) {
  const Sample sample;
  EXPECT_THAT(print_config(sample.set, {}, {}), HasSubstr("tokens: []\n"));
}

TEST(PrintConfig, StructuresComeBackAsTheyWereButForSecrets) {
  const char* yaml =
      "routes:\n"
      "  - path: /a\n"
      "    signature_key: hunter2\n"
      "    set_headers:\n"
      "      Authorization: Bearer hunter2\n"
      "    targets:\n"
      "      - host: \"b:80\"\n"
      "        ports: [1, 2]\n"
      "      -\n"
      "      - plain\n"
      "    empty: []\n"
      "    none: {}\n"
      "    null_key:\n"
      "    nested: [[a], [[b, c]]]\n";
  const auto file = parse_config(yaml, "f.yaml");
  ASSERT_TRUE(file.problems.empty());
  const Structures structures = {{"routes", *file.root.find("routes")}};
  const OptionSet none;

  const std::string shown = print_config(none, structures, {});
  const auto again = parse_config(shown, "printed.yaml");
  EXPECT_THAT(again.problems.texts(), IsEmpty());
  EXPECT_TRUE(same_content(again.root, file.root)) << shown;

  const std::string hidden = print_config(none, structures, {"signature_key", "set_headers"});
  EXPECT_THAT(hidden, Not(HasSubstr("hunter2")));
  EXPECT_THAT(hidden, HasSubstr("    signature_key: \"(set)\"\n    set_headers: \"(set)\"\n"));
}

// Whatever text an option holds: printed and loaded again it is the same.
TEST(PrintConfig, WhatIsPrintedLoadsToTheSame) {
  const test::TempFolder folder;
  for (const std::string text : {"",           " ",   "true",   "null", "~",        "5",    "1e3",
                                 "0x10",       "-",   "- a",    "a: b", "#x",       "a #b", "'",
                                 "\"",         "\\",  "a\nb\n", "\t",   "\x01\x7f", "*a",   "&a",
                                 "!a",         "%a",  "@a",     "`a",   "{a}",      "[a]",  "a,b",
                                 "> x",        "| x", "? x",    "---",  "...",      "yes",  "\xc3\xa4\xe2\x82\xac",
                                 "/a/b-c_d.e", "a:",  ".",      "=",    "<<"}) {
    Sample sample;
    sample.options.address = text;
    sample.options.origins = {text, "x", text};
    const std::string printed = print_config(sample.set, {}, {});
    Sample again;
    const auto loaded = load_config({folder.write("f.yaml", printed), {}, {}}, kStructuralKeys, again.set);
    EXPECT_THAT(loaded.problems, IsEmpty()) << printed;
    EXPECT_EQ(again.options, sample.options) << printed;
  }
}

TEST(YamlText, QuotesWhatAnotherReaderCouldMistake) {
  EXPECT_EQ(yaml_text("plain_word-1.x/y"), "plain_word-1.x/y");
  for (const char* word : {"true", "No", "on", "null", "Y", "5", "1.5", "127.0.0.1", ".nan", "-x", "", "a b", "~"}) {
    EXPECT_EQ(yaml_text(word), "\"" + std::string(word) + "\"");
  }
  EXPECT_EQ(yaml_text("a\"\\\n\x02"), "\"a\\\"\\\\\\n\\u0002\"");
  EXPECT_EQ(yaml_text("\xff"), "\"\\ufffd\"");
}

}  // namespace
}  // namespace holdfast
