#include <deque>
#include <memory>
#include <random>
#include <vector>

#include <malloc.h>

#include "net_websocket_frames.h"

namespace holdfast {
namespace {

using namespace std::string_literals;
using namespace ws_test;

// ---- messages

TEST(WsReading, TellsTheExamplesOfTheSpecification) {
  // RFC 6455 section 5.7.
  const Terms client{WsSide::client, {}, {}};
  EXPECT_EQ(read_all_ways("\x81\x05Hello", client), "text(Hello)");
  EXPECT_EQ(read_all_ways("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "text(Hello)");
  EXPECT_EQ(read_all_ways("\x01\x03Hel\x80\x02lo", client), "text(Hello)");
  EXPECT_EQ(read_all_ways("\x89\x05Hello\x8a\x05Hello", client), "ping(Hello) pong(Hello)");
}

TEST(WsReading, TakesEveryLengthForm) {
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{125}, size_t{126}, size_t{4095}, size_t{4096}, size_t{65535}, size_t{65536}, size_t{200'000}}) {
    const std::string content(size, 'x');
    for (const size_t piece : {SIZE_MAX, size_t{1000}, size_t{4096}}) {
      EXPECT_EQ(read(frame(kFinal | kBinary, content), {}, piece).text(), "binary(" + content + ")") << size;
      EXPECT_EQ(read(plain_frame(kFinal | kText, content), {WsSide::client, {}, {}}, piece).text(), "text(" + content + ")") << size;
    }
  }
}

TEST(WsReading, GathersWhatCameTogetherIntoOnePart) {
  const WsLimits limits;
  WsReader reader(WsSide::server, limits);
  const std::string bytes = frame(kText, "one ") + frame(kContinuation, "") + frame(kContinuation, "two ") +
                            frame(kFinal | kContinuation, std::string(9000, '3')) + frame(kFinal | kBinary, "next");
  reader.feed(bytes);
  auto event = reader.next();
  EXPECT_EQ(event.kind, Kind::part);
  EXPECT_EQ(event.data, "one two " + std::string(9000, '3'));
  EXPECT_TRUE(event.first && event.last);
  event = reader.next();
  EXPECT_EQ(event.data, "next");
  EXPECT_TRUE(event.first && event.last);
  EXPECT_EQ(reader.next().kind, Kind::none);
  EXPECT_EQ(reader.next().kind, Kind::none);
}

TEST(WsReading, TellsWhatItHasAtTheEndOfWhatWasFed) {
  const WsLimits limits;
  WsReader reader(WsSide::server, limits);
  const std::string bytes = frame(kText, "ab") + frame(kFinal | kContinuation, "cdef");
  reader.feed(std::string_view(bytes).substr(0, bytes.size() - 2));
  auto event = reader.next();
  EXPECT_EQ(event.data, "abcd");
  EXPECT_TRUE(event.first && !event.last);
  EXPECT_EQ(reader.next().kind, Kind::none);
  reader.feed(std::string_view(bytes).substr(bytes.size() - 2));
  event = reader.next();
  EXPECT_EQ(event.data, "ef");
  EXPECT_TRUE(!event.first && event.last);
  EXPECT_EQ(reader.next().kind, Kind::none);
}

TEST(WsReading, TellsEmptyMessagesAndEmptyEndsButNothingEmptyBetween) {
  EXPECT_EQ(read_all_ways(frame(kFinal | kText, "") + frame(kFinal | kBinary, "")), "text() binary()");
  EXPECT_EQ(read_all_ways(frame(kText, "") + frame(kFinal | kContinuation, "")), "text()");
  const std::string bytes = frame(kText, "") + frame(kContinuation, "ab") + frame(kContinuation, "");
  const std::string end = frame(kFinal | kContinuation, "");
  EXPECT_EQ(read_all_ways(bytes + end), "text(ab)");

  const WsLimits limits;
  WsReader reader(WsSide::server, limits);
  Story story;
  reader.feed(bytes);
  drain(reader, story);
  EXPECT_EQ(story.events(), 1);
  reader.feed(end);
  drain(reader, story);
  EXPECT_EQ(story.events(), 2);
  EXPECT_EQ(story.text(), "text(ab)");
}

TEST(WsReading, TellsAControlFrameAfterThePartBeforeIt) {
  const std::string bytes = frame(kText, "ab") + frame(kFinal | kPing, "x") + frame(kFinal | kPong, "") + frame(kContinuation, "cd") +
                            frame(kFinal | kPing, std::string(125, 'y')) + frame(kFinal | kContinuation, "ef");
  EXPECT_EQ(read_all_ways(bytes), "text(ab[ping(x)][pong()]cd[ping(" + std::string(125, 'y') + ")]ef)");
  EXPECT_EQ(read(bytes).events(), 6);  // what is between two of them is one part
  EXPECT_EQ(read_all_ways(frame(kText, "") + frame(kFinal | kPing, "x") + frame(kFinal | kContinuation, "ab")), "ping(x) text(ab)");
}

TEST(WsReading, TellsTheCloseAndIgnoresWhatFollows) {
  EXPECT_EQ(read_all_ways(frame(kFinal | kClose, "")), "close(0)");
  EXPECT_EQ(read_all_ways(frame(kFinal | kClose, close_content(1000))), "close(1000)");
  EXPECT_EQ(read_all_ways(frame(kFinal | kClose, close_content(4999, "gr\xc3\xbc\xc3\x9f"))), "close(4999 gr\xc3\xbc\xc3\x9f)");
  EXPECT_EQ(read_all_ways(frame(kFinal | kClose, close_content(1001)) + frame(kFinal | kText, "late") + "\xff\xff\xff\xff"), "close(1001)");
  EXPECT_EQ(read_all_ways(frame(kText, "ab") + frame(kFinal | kClose, close_content(1001)) + frame(kFinal | kContinuation, "cd")),
            "text(ab[close(1001)]");
}

TEST(WsReading, SaysNothingAfterAViolation) {
  const WsLimits limits;
  WsReader reader(WsSide::server, limits);
  reader.feed("\xff\xff\xff\xff\xff\xff");
  EXPECT_EQ(reader.next().kind, Kind::violation);
  EXPECT_EQ(reader.next().kind, Kind::none);
  const std::string late = frame(kFinal | kText, "late");
  reader.feed(late);
  EXPECT_EQ(reader.next().kind, Kind::none);
}

TEST(WsReading, TellsWholeMessagesBeforeAViolationThatCameWithThem) {
  const auto story = read(frame(kFinal | kText, "good") + frame(kFinal | kContinuation, "bad"));
  EXPECT_EQ(story.text(), "text(good)");
  EXPECT_EQ(story.violation(), 1002);
}

// ---- violations

TEST(WsRules, FramesAreMaskedByClientsOnly) {
  EXPECT_EQ(violation(plain_frame(kFinal | kText, "a")), 1002);
  EXPECT_EQ(violation(plain_frame(kFinal | kText, "")), 1002);
  EXPECT_EQ(violation(plain_frame(kFinal | kPing, "a")), 1002);
  const Terms client{WsSide::client, {}, {}};
  EXPECT_EQ(violation(frame(kFinal | kText, "a"), client), 1002);
  EXPECT_EQ(violation(frame(kFinal | kPing, ""), client), 1002);
}

TEST(WsRules, ReservedBitsAreClear) {
  for (const int rsv : {kRsv1, kRsv2, kRsv3, kRsv1 | kRsv2}) EXPECT_EQ(violation(frame(kFinal | rsv | kText, "a")), 1002) << rsv;
  const Terms deflate{WsSide::server, {}, kDeflate};
  for (const int rsv : {kRsv2, kRsv3, kRsv1 | kRsv3}) EXPECT_EQ(violation(frame(kFinal | rsv | kText, "a"), deflate), 1002) << rsv;
  for (const int rsv : {kRsv1, kRsv2, kRsv3}) EXPECT_EQ(violation(frame(kFinal | rsv | kPing, "a"), deflate), 1002) << rsv;
  EXPECT_EQ(violation(frame(kFinal | kRsv1 | kClose, ""), deflate), 1002);
  EXPECT_EQ(violation(frame(kRsv1 | kText, "") + frame(kFinal | kRsv1 | kContinuation, "a"), deflate), 1002);
  EXPECT_EQ(violation(frame(kText, "a") + frame(kFinal | kRsv1 | kContinuation, "a"), deflate), 1002);
}

TEST(WsRules, OpcodesAreKnown) {
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    EXPECT_EQ(violation(frame(kFinal | opcode, "a")), 1002) << opcode;
    EXPECT_EQ(violation(frame(kText, "a") + frame(kFinal | opcode, "")), 1002) << opcode;
  }
}

TEST(WsRules, ControlFramesAreWholeAndShort) {
  for (const int opcode : {kClose, kPing, kPong}) {
    EXPECT_EQ(violation(frame(opcode, "")), 1002) << opcode;
    EXPECT_EQ(violation(frame(kFinal | opcode, std::string(126, 'a'))), 1002) << opcode;
  }
  EXPECT_EQ(violation(frame(kFinal | kPing, std::string(125, 'a'))), 0);
}

TEST(WsRules, MessagesAreContinuedAndNotInterrupted) {
  EXPECT_EQ(violation(frame(kFinal | kContinuation, "a")), 1002);
  EXPECT_EQ(violation(frame(kContinuation, "a")), 1002);
  EXPECT_EQ(violation(frame(kFinal | kText, "a") + frame(kFinal | kContinuation, "b")), 1002);
  EXPECT_EQ(violation(frame(kText, "a") + frame(kFinal | kText, "b")), 1002);
  EXPECT_EQ(violation(frame(kBinary, "") + frame(kFinal | kBinary, "")), 1002);
}

TEST(WsRules, LengthsAreInTheirShortestForm) {
  const std::string mask(4, '\0');
  EXPECT_EQ(violation(header(kFinal | kText, 125, true, 2) + mask + std::string(125, 'a')), 1002);
  EXPECT_EQ(violation(header(kFinal | kText, 65535, true, 8) + mask), 1002);
  EXPECT_EQ(violation(header(kFinal | kText, 1, true, 8) + mask + "a"), 1002);
  EXPECT_EQ(violation(header(kFinal | kText, uint64_t{1} << 63, true, 8) + mask + "a"), 1002);
  EXPECT_EQ(violation(header(kFinal | kText, uint64_t{1} << 62, true, 8) + mask + "a"), 1009);
}

TEST(WsRules, TextIsUtf8) {
  EXPECT_EQ(violation(frame(kFinal | kText, "a\xff")), 1007);
  EXPECT_EQ(violation(frame(kFinal | kBinary, "a\xff")), 0);
  EXPECT_EQ(violation(frame(kFinal | kText, "\xed\xa0\x80")), 1007);
  EXPECT_EQ(violation(frame(kFinal | kText, "\xe2\x82")), 1007);                                    // ends inside a character
  EXPECT_EQ(violation(frame(kText, "\xe2\x82") + frame(kFinal | kContinuation, "")), 1007);         //
  EXPECT_EQ(violation(frame(kText, "\xe2\x82") + frame(kFinal | kContinuation, "\xac")), 0);        // split between frames
  EXPECT_EQ(violation(frame(kFinal | kText, "a\xff") + frame(kFinal | kText, "a")), 1007);          //
  EXPECT_EQ(violation(frame(kFinal | kBinary, "\xe2") + frame(kFinal | kText, "\x82\xac")), 1007);  // nothing is left of the message before
}

TEST(WsRules, BadTextIsFoundAtItsFirstBadByteWhereverItIsCut) {
  const std::string good = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", bad = good + "\xf0\x9f\x98",
                    message = bad + "x and the rest";
  const std::string bytes = frame(kFinal | kText, message);
  const WsLimits limits;
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    WsReader reader(WsSide::server, limits);
    Story before, after;
    reader.feed(std::string_view(bytes).substr(0, cut));
    drain(reader, before);
    reader.feed(std::string_view(bytes).substr(cut));
    drain(reader, after);
    const size_t header_size = bytes.size() - message.size();
    const bool seen = cut > header_size + bad.size();
    EXPECT_EQ(before.violation(), seen ? 1007 : 0) << cut;
    EXPECT_EQ(after.violation(), seen ? 0 : 1007) << cut;
  }
}

TEST(WsRules, CloseFramesHaveAGoodCodeAndReason) {
  EXPECT_EQ(violation(frame(kFinal | kClose, "\x03")), 1002);
  for (const int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}) {
    EXPECT_EQ(violation(frame(kFinal | kClose, close_content(code))), 1002) << code;
    EXPECT_FALSE(is_ws_close_code(code)) << code;
  }
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}) {
    EXPECT_EQ(violation(frame(kFinal | kClose, close_content(code))), 0) << code;
    EXPECT_TRUE(is_ws_close_code(code)) << code;
  }
  EXPECT_EQ(violation(frame(kFinal | kClose, close_content(1000, "\xff"))), 1007);
  EXPECT_EQ(violation(frame(kFinal | kClose, close_content(1000, "\xe2\x82"))), 1007);
}

TEST(WsRules, MessagesKeepToTheLimitExactly) {
  Terms setup;
  setup.limits.max_message = 1000;
  EXPECT_EQ(violation(frame(kFinal | kText, std::string(1000, 'a')), setup), 0);
  EXPECT_EQ(violation(frame(kFinal | kText, std::string(1001, 'a')), setup), 1009);
  const std::string most = frame(kText, std::string(600, 'a')) + frame(kContinuation, std::string(400, 'a'));
  EXPECT_EQ(violation(most + frame(kFinal | kContinuation, ""), setup), 0);
  EXPECT_EQ(violation(most + frame(kFinal | kContinuation, "a"), setup), 1009);
  // Each message counts for itself, and control frames do not count.
  const std::string one = frame(kFinal | kText, std::string(1000, 'a'));
  EXPECT_EQ(violation(one + one, setup), 0);
  EXPECT_EQ(violation(most + frame(kFinal | kPing, "x") + frame(kFinal | kContinuation, ""), setup), 0);
  setup.limits.max_message = 0;
  EXPECT_EQ(violation(one, setup), 0);
}

TEST(WsRules, AMessageThatIsTooLargeIsRefusedBeforeItsContentComes) {
  Terms setup;
  setup.limits.max_message = 1000;
  EXPECT_EQ(violation(frame(kFinal | kText, std::string(1001, 'a')).substr(0, 9), setup), 1009);  // 8 of header, 1 of content
}

TEST(WsRules, MessagesHaveSoManyFramesAndNoMore) {
  Terms setup;
  setup.limits.max_frames = 3;
  const std::string three = frame(kText, "") + frame(kContinuation, "") + frame(kFinal | kContinuation, "");
  EXPECT_EQ(violation(three + three, setup), 0);
  const std::string four = frame(kText, "") + frame(kContinuation, "") + frame(kContinuation, "") + frame(kFinal | kContinuation, "");
  EXPECT_EQ(violation(four, setup), 1008);
  const std::string ping = frame(kFinal | kPing, "");
  EXPECT_EQ(violation(frame(kText, "") + ping + ping + ping + ping + frame(kFinal | kContinuation, ""), setup), 0);
  setup.limits.max_frames = 0;
  EXPECT_EQ(violation(four, setup), 0);
}

// ---- compressed

// Messages as a client with these terms sends them, each in frames of so many bytes.
class Sender {
 public:
  explicit Sender(bool takeover) : deflater_(1, 15, takeover) {}
  std::string message(int opcode, std::string_view content, size_t frame_size = SIZE_MAX) {
    std::string data = deflater_.message(content), out;
    for (bool first = true; first || !data.empty(); first = false) {
      const std::string now = data.substr(0, frame_size);
      data.erase(0, now.size());
      out += frame((data.empty() ? kFinal : 0) | (first ? kRsv1 | opcode : kContinuation), now);
    }
    return out;
  }

 private:
  Deflater deflater_;
};

TEST(WsDeflate, InflatesMessagesHoweverTheyAreCut) {
  for (const bool takeover : {false, true}) {
    const Terms setup{WsSide::server, {}, takeover ? kDeflateKept : kDeflate};
    Sender sender(takeover);
    std::string bytes = sender.message(kText, "Hello");
    bytes += sender.message(kText, "Hello");
    bytes += sender.message(kBinary, "");
    bytes += frame(kFinal | kText, "plain");
    bytes += sender.message(kText, "in frames, in frames, in frames", 3);
    EXPECT_EQ(read_all_ways(bytes, setup), "text(Hello) text(Hello) binary() text(plain) text(in frames, in frames, in frames)");
    const std::string large = prose(100'000);
    EXPECT_EQ(read(Sender(takeover).message(kText, large, 700), setup).text(), "text(" + large + ")");
  }
}

TEST(WsDeflate, TellsControlFramesInsideACompressedMessage) {
  const std::string data = Deflater(1, 15, false).message("Hello");
  const Terms setup{WsSide::server, {}, kDeflate};
  const auto told = read_all_ways(
      frame(kRsv1 | kText, data.substr(0, 4)) + frame(kFinal | kPing, "x") + frame(kFinal | kContinuation, data.substr(4)), setup);
  EXPECT_TRUE(told.find("ping(x)") != std::string::npos && told.find("lo)") != std::string::npos) << told;
}

TEST(WsDeflate, ReachesBackOnlyWhereTakeoverWasAgreed) {
  Sender sender(true);
  const std::string first = sender.message(kText, "Hello"), second = sender.message(kText, "Hello");
  EXPECT_EQ(violation(first + second, {WsSide::server, {}, kDeflateKept}), 0);
  EXPECT_EQ(violation(first + second, {WsSide::server, {}, kDeflate}), 1007);
}

TEST(WsDeflate, LendsNoContextFromOneConnectionToAnother) {
  // What one connection said must not be there for the next to refer to.
  Sender secret(false), thief(true);
  const Terms setup{WsSide::server, {}, kDeflate};
  thief.message(kText, "the secret");
  const std::string theft = thief.message(kText, "the secret");
  EXPECT_EQ(read(secret.message(kText, "the secret"), setup).text(), "text(the secret)");
  EXPECT_EQ(read(theft, setup).violation(), 1007);
}

TEST(WsDeflate, MessagesOfManyConnectionsMayBeInterleaved) {
  const WsLimits limits;
  constexpr size_t kConnections = 40;  // more than a thread keeps inflaters and contexts
  std::deque<WsReader> readers;
  std::vector<std::string> bytes, contents;
  std::vector<Story> stories(kConnections);
  for (size_t i = 0; i < kConnections; ++i) {
    readers.emplace_back(WsSide::server, limits).set_deflate(i % 3 == 0 ? kDeflateKept : kDeflate);
    Sender sender(i % 3 == 0);
    contents.push_back(prose(300 + i * 50));
    bytes.push_back(sender.message(kText, contents[i], 50));
    bytes.back() += sender.message(kText, contents[i], 70);
  }
  for (size_t at = 0; at < 4000; at += 11) {
    for (size_t i = 0; i < kConnections; ++i) {
      if (at >= bytes[i].size()) continue;
      readers[i].feed(std::string_view(bytes[i]).substr(at, 11));
      drain(readers[i], stories[i]);
    }
  }
  for (size_t i = 0; i < kConnections; ++i) {
    EXPECT_EQ(stories[i].text(), "text(" + contents[i] + ") text(" + contents[i] + ")") << i;
  }
}

TEST(WsDeflate, LimitsCountWhatWasInflated) {
  const std::string content = prose(1000);
  for (const size_t frame_size : {SIZE_MAX, size_t{10}}) {
    const std::string bytes = Sender(false).message(kText, content, frame_size);
    ASSERT_LT(bytes.size(), 1000);
    Terms setup{WsSide::server, {}, kDeflate};
    setup.limits.max_message = 1000;
    EXPECT_EQ(violation(bytes + bytes, setup), 0);
    setup.limits.max_message = 999;
    EXPECT_EQ(violation(bytes, setup), 1009);
    setup.limits.max_message = 0;
    EXPECT_EQ(violation(bytes, setup), 0);
  }
}

TEST(WsDeflate, ABombIsRefused) {
  Terms setup{WsSide::server, {}, kDeflate};
  setup.limits.max_message = 100'000;
  const std::string bytes = Sender(false).message(kBinary, std::string(16 << 20, '\0'));
  ASSERT_LT(bytes.size(), 100'000);
  EXPECT_EQ(read(bytes, setup).violation(), 1009);
  EXPECT_EQ(read(bytes, setup, 100).violation(), 1009);
}

TEST(WsDeflate, InflatedTextIsUtf8) {
  const Terms setup{WsSide::server, {}, kDeflate};
  EXPECT_EQ(violation(Sender(false).message(kText, "a\xff" + prose(100)), setup), 1007);
  EXPECT_EQ(violation(Sender(false).message(kBinary, "a\xff" + prose(100)), setup), 0);
  EXPECT_EQ(violation(Sender(false).message(kText, "ends \xe2\x82"), setup), 1007);
  EXPECT_EQ(violation(Sender(false).message(kText, "whole \xe2\x82\xac", 2), setup), 0);
}

TEST(WsDeflate, WhatIsWrongFirstIsToldHoweverItIsCut) {
  Terms setup{WsSide::server, {}, kDeflate};
  setup.limits.max_message = 100;
  EXPECT_EQ(violation(Sender(false).message(kText, "\xff" + std::string(200, 'a')), setup), 1007);
  EXPECT_EQ(violation(Sender(false).message(kText, std::string(200, 'a') + "\xff"), setup), 1009);
}

TEST(WsDeflate, WhatDoesNotInflateIsBadData) {
  const Terms setup{WsSide::server, {}, kDeflate};
  EXPECT_EQ(violation(frame(kFinal | kRsv1 | kText, "\xff\xff\xff"), setup), 1007);
  const std::string data = Deflater(1, 15, false).message(prose(200));
  EXPECT_EQ(violation(frame(kFinal | kRsv1 | kText, data.substr(0, data.size() / 2)), setup), 1007);
  EXPECT_EQ(violation(frame(kFinal | kRsv1 | kText, data), setup), 0);
}

TEST(WsDeflate, AMessageThatWasBrokenOffLeavesNothingToOthers) {
  const Terms setup{WsSide::server, {}, kDeflate};
  const std::string bytes = Sender(false).message(kText, prose(500), 20);
  for (int i = 0; i < 20; ++i) {
    read(std::string_view(bytes).substr(0, bytes.size() / 2), setup);
    EXPECT_EQ(read(frame(kFinal | kRsv1 | kText, "\xff\xff\xff"), setup).violation(), 1007);
    EXPECT_EQ(read(bytes, setup).text(), "text(" + prose(500) + ")");
  }
}

// ---- at random

// Frames that mostly follow the rules, some compressed; then perhaps a few bytes of them changed.
std::string random_frames(std::mt19937& random, bool takeover) {
  const auto any = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  Deflater deflater(1, 15, takeover);
  std::string out;
  for (unsigned i = 1 + any(4); i > 0; --i) {
    const int opcode = any(2) == 0 ? kText : kBinary;
    const bool compressed = any(2) == 0;
    std::string data = prose(any(any(4) == 0 ? 6000 : 60));
    if (opcode == kBinary && any(4) == 0) data += std::string(any(3000), '\xff');
    if (compressed) data = deflater.message(data);
    for (bool first = true; first || !data.empty(); first = false) {
      const std::string now = data.substr(0, any(3) == 0 ? any(20) + (first ? 0 : 1) : SIZE_MAX);
      data.erase(0, now.size());
      out += frame((data.empty() ? kFinal : 0) | (first ? (compressed ? kRsv1 : 0) | opcode : kContinuation), now);
      if (any(4) == 0) out += frame(kFinal | (any(2) == 0 ? kPing : kPong), prose(any(20)));
      if (any(40) == 0) out += frame(kFinal | kClose, close_content(1000, "bye"));
    }
  }
  if (any(2) == 0) {
    for (unsigned i = 1 + any(3); i > 0; --i) out[any(static_cast<unsigned>(out.size()))] ^= static_cast<char>(1 << any(8));
  }
  return out;
}

TEST(WsReading, OfRandomFramesIsTheSameHoweverTheyAreCut) {
  int good = 0, bad = 0;
  for (unsigned seed = 1; seed <= 1000 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const bool takeover = seed % 2 == 0;
    Terms setup{WsSide::server, {}, takeover ? kDeflateKept : kDeflate};
    if (seed % 3 == 0) setup.limits = {1000, 20};
    const std::string bytes = random_frames(random, takeover);
    const auto whole = read(bytes, setup);
    EXPECT_EQ(read(bytes, setup, 1).settled(), whole.settled());
    EXPECT_EQ(read(bytes, setup, 1 + random() % 50).settled(), whole.settled());
    ++(whole.violation() == 0 ? good : bad);
  }
  EXPECT_GT(good, 200);
  EXPECT_GT(bad, 200);
}

// ---- what is lent

TEST(WsReader, IsSmall) { EXPECT_LE(sizeof(WsReader), 96U); }

TEST(WsReader, ReadersAtAnyPlaceInTheirFramesDoNotDisturbOneAnother) {
  const WsLimits limits;
  const std::string bytes =
      frame(kText, "ab") + frame(kFinal | kPing, "ping") + frame(kFinal | kContinuation, "cd") + frame(kFinal | kText, "");
  for (size_t one = 0; one <= bytes.size(); ++one) {
    for (size_t two = 0; two <= bytes.size(); ++two) {
      WsReader a(WsSide::server, limits), b(WsSide::server, limits);
      Story story_a, story_b;
      const auto feed = [&](WsReader& reader, Story& story, size_t from, size_t to) {
        reader.feed(std::string_view(bytes).substr(from, to - from));
        drain(reader, story);
      };
      feed(a, story_a, 0, one);
      feed(b, story_b, 0, two);
      feed(a, story_a, one, bytes.size());
      feed(b, story_b, two, bytes.size());
      ASSERT_EQ(story_a.text(), "text(ab[ping(ping)]cd) text()") << one << " " << two;
      ASSERT_EQ(story_b.text(), "text(ab[ping(ping)]cd) text()") << one << " " << two;
    }
  }
}

TEST(WsReader, AContextThatSawAViolationIsNotLentAgain) {
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(read(header(kFinal | kText, 1, true, 8) + "aaaa").violation(), 1002);
    read(frame(kFinal | kText, "unfinished").substr(0, 9));
    read(frame(kFinal | kClose, "") + "rest");
    EXPECT_EQ(read(frame(kFinal | kText, "good")).text(), "text(good)");
  }
}

}  // namespace
}  // namespace holdfast

// Of a sanitizer's runtime; null in builds without one.
extern "C" size_t __sanitizer_get_current_allocated_bytes() __attribute__((weak));

namespace holdfast {
namespace {

size_t allocated() {
  return __sanitizer_get_current_allocated_bytes != nullptr ? __sanitizer_get_current_allocated_bytes() : ::mallinfo2().uordblks;
}

TEST(WsReader, OwnsLittleBetweenFrames) {
  const WsLimits limits;
  const std::string whole = frame(kFinal | kText, std::string(500, 'a')), begun = frame(kText, "ab"),
                    deflated = Sender(false).message(kText, prose(300));
  constexpr size_t kConnections = 200;
  std::vector<std::unique_ptr<WsReader>> readers;
  const auto say = [](WsReader& reader, std::string_view bytes) {
    Story story;
    reader.feed(bytes);
    drain(reader, story);
    EXPECT_EQ(story.violation(), 0);
  };
  for (size_t i = 0; i < kConnections; ++i) {
    readers.push_back(std::make_unique<WsReader>(WsSide::server, limits));
    readers.back()->set_deflate(kDeflate);
  }
  say(*readers[0], deflated);  // what the thread keeps is made now
  const size_t before = allocated();
  for (auto& reader : readers) {
    say(*reader, whole);
    say(*reader, deflated);
    say(*reader, begun);  // at a boundary, inside a message
  }
  EXPECT_LT(allocated(), before + 1000 + kConnections * 32);
  const std::string rest = frame(kFinal | kContinuation, "cd");
  for (auto& reader : readers) {
    reader->feed(rest);
    while (reader->next().kind != WsEvent::Kind::none) continue;
  }
  EXPECT_LT(allocated(), before + 1000);
}

}  // namespace
}  // namespace holdfast
