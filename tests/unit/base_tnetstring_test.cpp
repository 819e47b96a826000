#include <gtest/gtest.h>

#include "gateway/base/tnetstring.h"

namespace holdfast {
namespace {

TEST(Tnet, ReadsEveryKind) {
  const std::string text = tnet_map(tnet_text("a") + tnet_integer(-7) + tnet_text("b") + tnet_list(tnet_text("x") + tnet_boolean(true)) +
                                    tnet_text("c") + "0:~" + tnet_text("d") + "3:1.5^" + tnet_text("e") + tnet_boolean(false));
  const auto value = parse_tnet(text);
  ASSERT_TRUE(value) << value.error().text;
  ASSERT_EQ(value->kind, Tnet::Kind::map);
  EXPECT_EQ(value->find("a")->integer, -7);
  EXPECT_EQ(value->find("b")->list[0].text, "x");
  EXPECT_TRUE(value->find("b")->list[1].boolean);
  EXPECT_EQ(value->find("c")->kind, Tnet::Kind::null);
  EXPECT_EQ(value->find("d")->text, "1.5");
  EXPECT_EQ(value->find("e")->kind, Tnet::Kind::boolean);
  EXPECT_EQ(value->find("f"), nullptr);
  EXPECT_EQ(value->text_of("a"), std::nullopt);
}

TEST(Tnet, TextIsBytes) {
  const std::string bytes("\0\r\n,:}", 6);
  EXPECT_EQ(parse_tnet(tnet_text(bytes))->text, bytes);
}

TEST(Tnet, RefusesWhatIsCutAnywhere) {
  const std::string text = tnet_map(tnet_text("key") + tnet_list(tnet_integer(12) + tnet_text("value")));
  for (size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(parse_tnet(text.substr(0, size))) << size;
  EXPECT_FALSE(parse_tnet(text + ","));
}

TEST(Tnet, RefusesBadValues) {
  for (const char* text : {"", ":", "x:a,", "-1:a,", "4:abc", "99999999999999999999:a,", "1:a?", "3:yes!", "1:x~", "1:a#", "0:#", "1:1]",
                           "3:0:~}", "4:abc,}", "2:ab]"}) {
    EXPECT_FALSE(parse_tnet(text)) << text;
  }
}

TEST(Tnet, RefusesDeepNesting) {
  std::string text = tnet_integer(1);
  for (int i = 0; i < 32; ++i) text = tnet_list(text);
  EXPECT_TRUE(parse_tnet(text));
  EXPECT_FALSE(parse_tnet(tnet_list(text)));
}

}  // namespace
}  // namespace holdfast
