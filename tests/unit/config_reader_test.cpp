#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/config/config_file.h"
#include "gateway/config/node_reader.h"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

class NodeReaderTest : public testing::Test {
 protected:
  // The file's map is read; its nodes live as long as the test.
  NodeReader reader(std::string_view yaml) {
    file_ = parse_config(yaml, "f.yaml");
    EXPECT_TRUE(file_.problems.empty());
    return NodeReader(file_.root, problems_);
  }
  std::vector<std::string> problems() const { return problems_.texts(); }

  ConfigFile file_;
  ConfigProblems problems_;
};

TEST_F(NodeReaderTest, ReadsEveryType) {
  auto r = reader("t: x\nb: true\ni: 5\nd: 2s\ns: 1KiB\nl: [a, b]\none: c\nm: {k: v}\n");
  std::string text;
  bool flag = false;
  int64_t number = 0;
  Duration time{};
  uint64_t size = 0;
  std::vector<std::string> list, one;
  EXPECT_TRUE(r.text("t", text) && r.boolean("b", flag) && r.integer("i", number, 1, 9) && r.duration("d", time) && r.size("s", size));
  EXPECT_TRUE(r.texts("l", list) && r.texts("one", one));
  ASSERT_NE(r.map("m"), nullptr);
  r.finish();
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_EQ(text, "x");
  EXPECT_TRUE(flag);
  EXPECT_EQ(number, 5);
  EXPECT_EQ(time, 2s);
  EXPECT_EQ(size, 1024u);
  EXPECT_THAT(list, ElementsAre("a", "b"));
  EXPECT_THAT(one, ElementsAre("c"));
}

TEST_F(NodeReaderTest, MissingKeysLeaveValuesAlone) {
  auto r = reader("{}");
  std::string text = "before";
  EXPECT_FALSE(r.text("t", text));
  EXPECT_EQ(r.map("m"), nullptr);
  EXPECT_EQ(r.list("l"), nullptr);
  EXPECT_EQ(text, "before");
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(NodeReaderTest, WrongValuesAreNotedAndLeaveValuesAlone) {
  auto r = reader("t: [x]\nb: 7\ni: 10\nd: soon\ns: big\nl: [a, [b]]\nm: text\nn: {a: b}\ne:\n");
  std::string text = "before", empty = "before";
  bool flag = false;
  int64_t number = 3;
  Duration time{};
  uint64_t size = 0;
  std::vector<std::string> list = {"before"};
  EXPECT_FALSE(r.text("t", text) || r.boolean("b", flag) || r.integer("i", number, 1, 9) || r.duration("d", time) || r.size("s", size) ||
               r.texts("l", list) || r.text("e", empty));
  EXPECT_EQ(r.map("m"), nullptr);
  EXPECT_EQ(r.list("n"), nullptr);
  EXPECT_THAT(problems(),
              ElementsAre("f.yaml:1: t: expected a single value, not a list", "f.yaml:2: b: expected true or false",
                          "f.yaml:3: i: must be between 1 and 9", "f.yaml:4: d: expected a time such as 500ms, 5s, 2m or 1h",
                          "f.yaml:5: s: expected a size such as 512, 64KiB or 1MB", "f.yaml:6: l[1]: expected a single value, not a list",
                          "f.yaml:9: e: expected a single value, not nothing", "f.yaml:7: m: expected a map, not a single value",
                          "f.yaml:8: n: expected a list, not a map"));
  EXPECT_EQ(text, "before");
  EXPECT_EQ(number, 3);
  EXPECT_THAT(list, ElementsAre("before"));
}

TEST_F(NodeReaderTest, UnknownKeysNameTheNearestThatWasAskedFor) {
  auto r = reader("adress: x\nzzz: 1\n");
  std::string address;
  r.text("address", address);
  r.require("address");
  r.finish();
  EXPECT_THAT(problems(), ElementsAre("f.yaml:1: needs 'address'", "f.yaml:1: adress: unknown key; did you mean 'address'?",
                                      "f.yaml:2: zzz: unknown key"));
}

TEST_F(NodeReaderTest, NodeThatIsNoMapIsNotedOnce) {
  const ConfigFile file = parse_config("listen: [text]\n", "f.yaml");
  NodeReader r(file.root.children[0].children[0], problems_);
  std::string text;
  EXPECT_FALSE(r.text("address", text));
  r.require("address");
  r.finish();
  EXPECT_THAT(problems(), ElementsAre("f.yaml:1: listen[0]: expected a map, not a single value"));
}

TEST_F(NodeReaderTest, ElementMapsSkipsAndNotesTheRest) {
  const ConfigFile file = parse_config("a: [{x: 1}, 2, {y: 3}, [4]]\nb:\nc: text\n", "f.yaml");
  EXPECT_EQ(element_maps(file.root.find("a"), problems_).size(), 2u);
  EXPECT_TRUE(element_maps(file.root.find("b"), problems_).empty());
  EXPECT_TRUE(element_maps(file.root.find("c"), problems_).empty());
  EXPECT_TRUE(element_maps(nullptr, problems_).empty());
  EXPECT_THAT(problems(), ElementsAre("f.yaml:1: a[1]: expected a map, not a single value", "f.yaml:1: a[3]: expected a map, not a list",
                                      "f.yaml:3: c: expected a list of maps, not a single value"));
}

}  // namespace
}  // namespace holdfast
