#include <gtest/gtest.h>

#include "gateway/base/bytes.h"
#include "gateway/base/rendering.h"

namespace holdfast {
namespace {

TEST(Bytes, SlicesShareMemoryAndKeepItAlive) {
  Bytes part;
  const char* inside = nullptr;
  {
    const Bytes whole(std::string(100, 'a') + "tail");
    part = whole.slice(100);
    inside = whole.data() + 100;
  }
  EXPECT_EQ(part.view(), "tail");
  EXPECT_EQ(part.data(), inside);
}

TEST(Bytes, PositionsPastTheEndAreClamped) {
  Bytes bytes = Bytes::copy("abc");
  EXPECT_EQ(bytes.slice(1, 99).view(), "bc");
  EXPECT_TRUE(bytes.slice(99).empty());
  bytes.drop_front(2);
  EXPECT_EQ(bytes.str(), "c");
  bytes.drop_front(99);
  EXPECT_TRUE(bytes.empty());
}

TEST(Bytes, EmptyAndLiteralNeedNoOwner) {
  EXPECT_TRUE(Bytes(std::string()).empty());
  EXPECT_EQ(Bytes::literal("lit").view(), "lit");
}

TEST(Rendering, ChunkIsMadeOnce) {
  const Rendering rendering(Bytes(std::string(26, 'x')));
  EXPECT_EQ(rendering.chunk().view(), "1a\r\n" + std::string(26, 'x') + "\r\n");
  EXPECT_EQ(rendering.chunk().data(), rendering.chunk().data());
}

TEST(Rendering, EmptyContentHasNoChunk) { EXPECT_TRUE(Rendering(Bytes()).chunk().empty()); }

}  // namespace
}  // namespace holdfast
