#include <gtest/gtest.h>

#include "gateway/route/words.h"

namespace holdfast::route {
namespace {

TEST(Shown, IsShortAndPrintable) {
  EXPECT_EQ(shown("abc"), "'abc'");
  EXPECT_EQ(shown(""), "''");
  EXPECT_EQ(shown(std::string_view("a\0\n\x7f"
                                   "b",
                                   5)),
            "'a???b'");
  EXPECT_EQ(shown("\xc3\xa9"), "'\xc3\xa9'");
  EXPECT_EQ(shown("a\xff"), "'a?'");
  EXPECT_EQ(shown(std::string(61, 'x')), "'" + std::string(60, 'x') + "...'");
  EXPECT_EQ(shown(std::string(59, 'x') + "\xc3\xa9"), "'" + std::string(59, 'x') + "...'") << "no half characters";
  EXPECT_EQ(shown(std::string(100, '\xff')), "'...'");
}

TEST(ParseSwitch, KnowsTheUsualWords) {
  for (const char* yes : {"yes", "true", "on", "1", "True", "YES"}) EXPECT_EQ(parse_switch(yes), true) << yes;
  for (const char* no : {"no", "false", "off", "0", "False"}) EXPECT_EQ(parse_switch(no), false) << no;
  for (const char* neither : {"", "y", "2", "yes ", "maybe"}) EXPECT_EQ(parse_switch(neither), std::nullopt) << neither;
}

}  // namespace
}  // namespace holdfast::route
