#include <gtest/gtest.h>

#include "gateway/net/write_queue.h"

namespace holdfast {
namespace {

std::string drain(WriteQueue& queue, size_t step, size_t parts_at_once) {
  std::string out;
  while (!queue.empty()) {
    iovec parts[8];
    const size_t count = queue.gather(parts, parts_at_once);
    std::string chunk;
    for (size_t i = 0; i < count; ++i) chunk.append(static_cast<char*>(parts[i].iov_base), parts[i].iov_len);
    chunk.resize(std::min(step, chunk.size()));
    out += chunk;
    queue.consume(chunk.size());
  }
  return out;
}

TEST(WriteQueue, GivesBackWhatWasPutInHoweverItIsTaken) {
  for (size_t step = 1; step < 20; ++step) {
    for (size_t parts = 1; parts <= 8; ++parts) {
      WriteQueue queue;
      for (const char* text : {"one", "", "two", "three", "four"}) queue.push(Bytes::copy(text));
      EXPECT_EQ(queue.size(), 15U);
      EXPECT_EQ(drain(queue, step, parts), "onetwothreefour") << step << " " << parts;
      queue.push(Bytes::copy("again"));
      EXPECT_EQ(drain(queue, step, parts), "again");
    }
  }
}

TEST(WriteQueue, TakesMoreWhileItIsPartlyWritten) {
  WriteQueue queue;
  queue.push(Bytes::copy("abc"));
  queue.push(Bytes::copy("def"));
  queue.consume(4);
  queue.push(Bytes::copy("ghi"));
  EXPECT_EQ(drain(queue, 2, 8), "efghi");
}

}  // namespace
}  // namespace holdfast
