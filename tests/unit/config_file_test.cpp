#include "gateway/config/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config_support.h"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> problems_of(std::string_view text) { return parse_config(text, "f.yaml").problems.texts(); }

const ConfigNode& at(const ConfigNode& node, std::string_view key) {
  static const ConfigNode missing;
  const ConfigNode* found = node.find(key);
  return found != nullptr ? *found : missing;
}

TEST(ConfigFile, KeepsKindsTextsAndPlaces) {
  const auto file = parse_config("a: 1\nb:\n  - x\n  - c: 'y z'\n    d: ~\ne: \"~\"\n", "dir/f.yaml");
  ASSERT_THAT(file.problems.texts(), IsEmpty());
  EXPECT_EQ(file.folder, "dir");
  EXPECT_EQ(at(file.root, "a").text, "1");
  EXPECT_EQ(at(file.root, "a").where, "dir/f.yaml:1");
  const ConfigNode& list = at(file.root, "b");
  ASSERT_TRUE(list.is_list());
  ASSERT_EQ(list.children.size(), 2u);
  EXPECT_EQ(list.where, "dir/f.yaml:2");
  EXPECT_EQ(list.children[0].where, "dir/f.yaml:3");
  EXPECT_EQ(at(list.children[1], "c").text, "y z");
  EXPECT_EQ(at(list.children[1], "c").problem("is wrong"), "dir/f.yaml:4: b[1].c: is wrong");
  EXPECT_EQ(at(list.children[1], "d").kind, ConfigNode::Kind::null);
  EXPECT_EQ(at(list.children[1], "d").where, "dir/f.yaml:5");
  EXPECT_EQ(at(file.root, "e").text, "~");
  EXPECT_TRUE(at(file.root, "e").is_scalar());
}

TEST(ConfigFile, EmptyFilesAreEmptyConfigurations) {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "{}", "~"}) {
    const auto file = parse_config(text, "f.yaml");
    EXPECT_TRUE(file.problems.empty()) << text;
    EXPECT_TRUE(file.root.children.empty()) << text;
  }
}

TEST(ConfigFile, JsonIsAccepted) {
  const auto file = parse_config("{\n\t\"a\": {\"b\":[1,\"x\\ny\",true]},\n\t\"c\":\"\\u00e4\"\n}\n", "f.json");
  ASSERT_THAT(file.problems.texts(), IsEmpty());
  const ConfigNode& list = at(at(file.root, "a"), "b");
  ASSERT_EQ(list.children.size(), 3u);
  EXPECT_EQ(list.children[1].text, "x\ny");
  EXPECT_EQ(list.children[2].text, "true");
  EXPECT_EQ(at(file.root, "c").text, "\xc3\xa4");
  EXPECT_EQ(at(file.root, "c").where, "f.json:3");
}

TEST(ConfigFile, SyntaxErrorsNameTheLine) {
  EXPECT_THAT(problems_of("a: 1\nb: [1, 2\nc: 3\n"), ElementsAre(HasSubstr("f.yaml:")));
  EXPECT_THAT(problems_of("a: 1\n b: 2\n"), ElementsAre(HasSubstr("f.yaml:2: ")));
  EXPECT_THAT(problems_of("{\"a\": 1}}"), ElementsAre(HasSubstr("f.yaml:1: ")));
}

TEST(ConfigFile, OpenQuoteDoesNotSwallowTheRestOfTheFile) {
  for (const char* text : {"a: 'x", "a: 'x\n", "a: 'x\nb: 1\n", "a: \"x\nb: 1\n", "a: \"x\nb: 1 \n\n", "a: \"x\\\n", "{\"a\": \"x\n"}) {
    EXPECT_THAT(problems_of(text), ElementsAre(HasSubstr("f.yaml:"))) << text;
  }
}

TEST(ConfigFile, TextBlocksKeepTheirLineBreaks) {
  EXPECT_EQ(at(parse_config("a: |\n  x\n  y\n", "f.yaml").root, "a").text, "x\ny\n");
  EXPECT_EQ(at(parse_config("a: |\n  x\n  y", "f.yaml").root, "a").text, "x\ny\n");
  EXPECT_EQ(at(parse_config("a: |-\n  x\n  y\n", "f.yaml").root, "a").text, "x\ny");
  EXPECT_EQ(at(parse_config("a: >\n  x\n  y\n", "f.yaml").root, "a").text, "x y\n");
}

TEST(ConfigFile, KeysGivenTwiceNameBothLines) {
  EXPECT_THAT(problems_of("a: 1\nb:\n  x: 1\n  x: 2\na: 3\n"),
              ElementsAre("f.yaml:4: key 'x' is given twice, first at f.yaml:3", "f.yaml:5: key 'a' is given twice, first at f.yaml:1"));
}

TEST(ConfigFile, KeysAreWords) {
  EXPECT_THAT(problems_of("? [a]\n: 1\n"), ElementsAre("f.yaml:1: a key must be a word, not a list"));
  EXPECT_THAT(problems_of("? {a: b}\n: 1\n"), ElementsAre("f.yaml:1: a key must be a word, not a map"));
  EXPECT_THAT(problems_of("~: 1\n"), ElementsAre("f.yaml:1: a key must be a word, not nothing"));
}

TEST(ConfigFile, KeysAreShort) {
  EXPECT_THAT(problems_of(std::string(256, 'k') + ": 1\n"), IsEmpty());
  EXPECT_THAT(problems_of(std::string(257, 'k') + ": 1\n"), ElementsAre("f.yaml:1: a key longer than 256 bytes"));
}

TEST(ConfigFile, EscapesCannotMakeTextThatIsNotUtf8) {
  EXPECT_THAT(problems_of("a: \"\\N\"\n"), ElementsAre("f.yaml:1: an escape that is not supported"));
  EXPECT_THAT(problems_of("a: \"\\ud800\"\n"), ElementsAre(HasSubstr("f.yaml:1: ")));
  EXPECT_THAT(problems_of("a: \"\\xe4\"\n"), IsEmpty());
}

TEST(ConfigFile, TheTopIsAMap) {
  EXPECT_THAT(problems_of("- a\n"), ElementsAre("f.yaml:1: expected a map of options, not a list"));
  EXPECT_THAT(problems_of("just text\n"), ElementsAre("f.yaml:1: expected a map of options, not a single value"));
}

TEST(ConfigFile, OneDocumentOnly) { EXPECT_THAT(problems_of("a: 1\n---\nb: 2\n"), ElementsAre(HasSubstr(": a second document"))); }

TEST(ConfigFile, AliasesAndTagsAreRefused) {
  EXPECT_THAT(problems_of("a: &x [1]\nb: *x\n"), ElementsAre("f.yaml:1: anchors and aliases are not supported"));
  EXPECT_THAT(problems_of("a: *nowhere\n"), ElementsAre(HasSubstr("f.yaml:1: ")));
  EXPECT_THAT(problems_of("a: !!binary aGk=\n"), ElementsAre("f.yaml:1: tags are not supported"));
  EXPECT_THAT(problems_of("a: !python/object x\n"), ElementsAre("f.yaml:1: tags are not supported"));
  EXPECT_THAT(problems_of("a: !!str 5\n"), IsEmpty());
}

TEST(ConfigFile, AliasBombGivesOneError) {
  std::string bomb = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 60; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before + ", " + before + "]\n";
  }
  EXPECT_THAT(problems_of(bomb), ElementsAre("f.yaml:1: anchors and aliases are not supported"));
}

TEST(ConfigFile, DeepNestingIsRefusedInEveryStyle) {
  const size_t depth = 100'000;
  std::string question_marks, maps;
  for (size_t i = 0; i < 10'000; ++i) question_marks += "? ";
  for (size_t i = 0; i < 10'000; ++i) maps += "{a: ";
  for (const std::string& text : {"a: " + std::string(depth, '['), maps, question_marks, "[" + std::string(depth, '{'), "a:\n  " + [] {
                                    std::string dashes;
                                    for (int i = 0; i < 10'000; ++i) dashes += "- ";
                                    return dashes;
                                  }()}) {
    EXPECT_THAT(problems_of(text), ElementsAre(HasSubstr("f.yaml:"))) << text.substr(0, 20);
  }
  EXPECT_THAT(problems_of("a: [[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]\n"), ElementsAre("f.yaml:1: nested more than 16 levels deep"));
}

TEST(ConfigFile, TooManyValuesAreRefused) {
  std::string text = "a: [";
  for (size_t i = 0; i <= ConfigLimits::kNodes; ++i) text += "1,";
  EXPECT_THAT(problems_of(text + "]\n"), ElementsAre(HasSubstr("more than 200000 values")));
}

TEST(ConfigFile, SizeIsBounded) {
  const std::string comment(ConfigLimits::kBytes - 1, '#');
  EXPECT_THAT(problems_of(comment + "\n"), IsEmpty());
  EXPECT_THAT(problems_of(comment + "#\n"), ElementsAre("f.yaml: larger than 1 MiB"));
}

TEST(ConfigFile, BinaryIsRefused) {
  EXPECT_THAT(problems_of(std::string_view("a: 1\nb: \0", 9)), ElementsAre("f.yaml:2: control character; the file must be UTF-8 text"));
  EXPECT_THAT(problems_of("\x7f"
                          "ELF\x02\x01"),
              ElementsAre(HasSubstr("control character")));
  EXPECT_THAT(problems_of("a: \xff\xfe\n"), ElementsAre("f.yaml: not UTF-8 text"));
  EXPECT_THAT(problems_of("\xff\xfe"
                          "a"),
              ElementsAre("f.yaml: not UTF-8 text"));
  EXPECT_THAT(problems_of("\xef\xbb\xbf"
                          "a: 1\n"),
              IsEmpty());
}

TEST(ConfigFile, ProblemsAreCountedButNotAllKept) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "a: 1\n";
  const auto problems = problems_of(text);
  ASSERT_EQ(problems.size(), ConfigProblems::kMostKept + 1);
  EXPECT_EQ(problems.back(), "and 899 more");
}

TEST(ConfigFile, UnreadableFilesAreProblems) {
  const test::TempFolder folder;
  EXPECT_THAT(read_config(folder.path() + "/none.yaml").problems.texts(),
              ElementsAre(HasSubstr("none.yaml: cannot be read: No such file")));
  EXPECT_THAT(read_config(folder.path()).problems.texts(), ElementsAre(HasSubstr(": is a folder")));
  EXPECT_THAT(read_config("/dev/zero").problems.texts(), ElementsAre("/dev/zero: larger than 1 MiB"));
  EXPECT_THAT(read_config("/dev/null").problems.texts(), IsEmpty());
}

TEST(ConfigFile, HostileKeysAreShownHarmless) {
  const auto file = parse_config("\"\\e[31m" + std::string(200, 'k') + "\": 1\n", "f.yaml");
  const std::string text = file.root.children.at(0).problem("is wrong");
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_LT(text.size(), 150u);
}

TEST(ResolvePath, RelativePathsCountFromTheFolder) {
  EXPECT_EQ(resolve_path("/etc/holdfast", "tls/a.pem"), "/etc/holdfast/tls/a.pem");
  EXPECT_EQ(resolve_path("/etc/holdfast", "../a.pem"), "/etc/a.pem");
  EXPECT_EQ(resolve_path("/etc/holdfast", "/a.pem"), "/a.pem");
  EXPECT_EQ(resolve_path("/etc/holdfast", ""), "");
  EXPECT_EQ(resolve_path("", "a.pem"), "a.pem");
}

TEST(SameContent, LooksAtContentNotAtPlace) {
  const auto one = parse_config("a: [1, {b: c}]\n", "one.yaml");
  const auto same = parse_config("\n# moved\na:\n  - 1\n  - b: 'c'\n", "two.yaml");
  EXPECT_TRUE(same_content(one.root, same.root));
  for (const char* other : {"a: [1, {b: d}]", "a: [1, {x: c}]", "a: [1]", "a: [1, {b: c}, 2]", "a: {b: c}", "a:"}) {
    EXPECT_FALSE(same_content(one.root, parse_config(other, "three.yaml").root)) << other;
  }
}

}  // namespace
}  // namespace holdfast
