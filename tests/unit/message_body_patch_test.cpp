#include <gtest/gtest.h>

#include "gateway/message/body_patch.h"

namespace holdfast {
namespace {

std::string patched(std::string_view body, std::string_view patch) { return apply_body_patch(body, patch).value_or("failed"); }

TEST(BodyPatch, AppliesEachOperation) {
  struct {
    std::string_view body, patch, result;
  } const cases[] = {
      {R"({"a":1})", R"([])", R"({"a":1})"},
      {R"({"a": 1, "list": []})", R"([{"op":"replace","path":"/a","value":2},{"op":"add","path":"/list/-","value":"x"}])",
       R"({"a":2,"list":["x"]})"},
      {R"([1,2,3])", R"([{"op":"add","path":"/1","value":9}])", "[1,9,2,3]"},
      {R"([1])", R"([{"op":"add","path":"/1","value":9}])", "[1,9]"},
      {R"([1,2,3])", R"([{"op":"remove","path":"/0"}])", "[2,3]"},
      {R"({"a":1,"b":2})", R"([{"op":"remove","path":"/a"}])", R"({"b":2})"},
      {R"({"a":1,"b":{}})", R"([{"op":"move","from":"/a","path":"/b/c"}])", R"({"b":{"c":1}})"},
      {R"([1,2,3])", R"([{"op":"move","from":"/0","path":"/2"}])", "[2,3,1]"},
      {R"({"a":[1]})", R"([{"op":"copy","from":"/a","path":"/b"}])", R"({"a":[1],"b":[1]})"},
      {R"({"a":1})", R"([{"op":"test","path":"/a","value":1},{"op":"add","path":"/b","value":null}])", R"({"a":1,"b":null})"},
      {R"({"a":{"x":1,"y":2}})", R"([{"op":"test","path":"/a","value":{"y":2,"x":1}}])", R"({"a":{"x":1,"y":2}})"},
      {R"({"a":1})", R"([{"op":"replace","path":"","value":[true]}])", "[true]"},
      {R"({"a":1})", R"([{"op":"add","path":"","value":{"b":2}}])", R"({"b":2})"},
      {R"({"a/b":1,"c~d":2})", R"([{"op":"remove","path":"/a~1b"},{"op":"remove","path":"/c~0d"}])", "{}"},
      {R"({"":1})", R"([{"op":"replace","path":"/","value":2}])", R"({"":2})"},
  };
  for (const auto& c : cases) EXPECT_EQ(patched(c.body, c.patch), c.result) << c.body << " " << c.patch;
}

TEST(BodyPatch, KeepsTheOrderOfMembers) {
  EXPECT_EQ(patched(R"({"z":1,"a":2,"m":3})", R"([{"op":"replace","path":"/a","value":{"y":1,"b":2}},{"op":"add","path":"/0","value":4}])"),
            R"({"z":1,"a":{"y":1,"b":2},"m":3,"0":4})");
}

TEST(BodyPatch, KeepsAFinalNewline) {
  EXPECT_EQ(patched("{\"a\":1}\n", "[]"), "{\"a\":1}\n");
  EXPECT_EQ(patched("{\"a\":1}\r\n", "[]"), "{\"a\":1}\n");
}

TEST(BodyPatch, KeepsTextAsItIs) { EXPECT_EQ(patched("{\"a\":\"\u20ac\"}", "[]"), "{\"a\":\"\u20ac\"}"); }

TEST(BodyPatch, FailsOnWhatItCannotDo) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "[]"},
      {"3", "[]"},
      {"\"x\"", "[]"},
      {"null", "[]"},
      {"{nope", "[]"},
      {"{}{}", "[]"},
      {"[\"\xff\"]", "[]"},
      {"[1e999]", "[]"},
      {"{}", ""},
      {"{}", "{}"},
      {"{}", "nope"},
      {"{}", "[3]"},
      {"{}", "[null]"},
      {"{}", "[[]]"},
      {"{}", "[{}]"},
      {"{}", R"([{"op":"add"}])"},
      {"{}", R"([{"op":"add","path":"/a"}])"},
      {"{}", R"([{"op":3,"path":"/a","value":1}])"},
      {"{}", R"([{"op":"add","path":3,"value":1}])"},
      {"{}", R"([{"op":"explode","path":"/a","value":1}])"},
      {"{}", R"([{"op":"add","path":"a","value":1}])"},
      {"{}", R"([{"op":"add","path":"/a~2","value":1}])"},
      {"{}", R"([{"op":"add","path":"/a/b","value":1}])"},
      {R"({"a":"text"})", R"([{"op":"add","path":"/a/b","value":1}])"},
      {R"({"a":null})", R"([{"op":"add","path":"/a/b","value":1}])"},
      {R"({"a":3})", R"([{"op":"remove","path":"/a/b"}])"},
      {R"({"a":3})", R"([{"op":"replace","path":"/a/b","value":1}])"},
      {"{}", R"([{"op":"remove","path":"/a"}])"},
      {"{}", R"([{"op":"remove","path":""}])"},
      {"{}", R"([{"op":"replace","path":"/a","value":1}])"},
      {"{}", R"([{"op":"replace","path":"","value":1}])"},
      {"{}", R"([{"op":"move","from":"/a","path":"/b"}])"},
      {"{}", R"([{"op":"move","from":"","path":"/b"}])"},
      {R"({"a":{}})", R"([{"op":"move","from":"/a","path":"/a/b"}])"},
      {R"({"a":1})", R"([{"op":"move","path":"/b"}])"},
      {"{}", R"([{"op":"copy","from":"/a","path":"/b"}])"},
      {R"({"a":1})", R"([{"op":"copy","from":3,"path":"/b"}])"},
      {R"({"a":1})", R"([{"op":"test","path":"/a","value":2}])"},
      {"{}", R"([{"op":"test","path":"/a","value":null}])"},
      {"[]", R"([{"op":"add","path":"/1","value":1}])"},
      {"[]", R"([{"op":"add","path":"/-1","value":1}])"},
      {"[1]", R"([{"op":"add","path":"/00","value":1}])"},
      {"[1]", R"([{"op":"add","path":"/x","value":1}])"},
      {"[1]", R"([{"op":"add","path":"/99999999999999999999","value":1}])"},
      {"[1]", R"([{"op":"remove","path":"/1"}])"},
      {"[1]", R"([{"op":"remove","path":"/-"}])"},
      {"[1]", R"([{"op":"replace","path":"/-","value":1}])"},
      {"[1]", R"([{"op":"replace","path":"/1","value":1}])"},
  };
  for (const auto& [body, patch] : cases) EXPECT_EQ(patched(body, patch), "failed") << body << " " << patch;
}

TEST(BodyPatch, ALaterFailureUndoesAll) {
  EXPECT_EQ(patched(R"({"a":1})", R"([{"op":"remove","path":"/a"},{"op":"remove","path":"/a"}])"), "failed");
}

TEST(BodyPatch, DoublingWithoutEndIsRefused) {
  std::string patch = "[";
  for (int n = 0; n < 60; ++n) patch += R"({"op":"copy","from":"/a","path":"/a/-"},)";
  patch.back() = ']';
  EXPECT_EQ(patched(R"({"a":["xxxxxxxxxxxxxxxx"]})", patch), "failed");
}

TEST(BodyPatch, NestingIsBounded) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(patched(deep, "[]"), "failed");
  EXPECT_EQ(patched("{}", R"([{"op":"add","path":"/a","value":)" + deep + "}]"), "failed");
  EXPECT_EQ(patched(std::string(100, '[') + std::string(100, ']'), "[]"), std::string(100, '[') + std::string(100, ']'));
  std::string patch = "[";
  for (int n = 0; n < 200; ++n) patch += R"({"op":"add","path":"","value":[]},{"op":"copy","from":"","path":"/-"},)";
  patch.back() = ']';
  EXPECT_EQ(patched("[]", patch), "[[]]");
  std::string deeper = "[";
  for (int n = 0; n < 200; ++n) deeper += R"({"op":"add","path":"/-","value":[]},{"op":"move","from":"/0","path":"/0/0"},)";
  deeper.back() = ']';
  EXPECT_EQ(patched("[]", deeper), "failed");
}

TEST(BodyPatch, CopiesDoNotNestWithoutEnd) {
  std::string patch = "[";
  std::string path;
  for (int n = 0; n < 20; ++n) {
    patch += R"({"op":"copy","from":"","path":")" + path + R"(/a"},)";
    path += "/a";
  }
  patch.back() = ']';
  EXPECT_EQ(patched("{}", patch), "failed");
}

TEST(BodyPatch, BodiesWithVeryManyMembersAreSortedInsteadOfSlow) {
  std::string body = "{";
  for (int n = 0; n < 50'000; ++n) body += "\"k" + std::to_string(n) + "\":1,";
  body.back() = '}';
  const auto out = apply_body_patch(body, R"([{"op":"replace","path":"/k49999","value":2}])");
  ASSERT_TRUE(out);
  EXPECT_NE(out->find("\"k49999\":2"), std::string::npos);
}

}  // namespace
}  // namespace holdfast
