#include <gtest/gtest.h>

#include "gateway/net/head_check.h"

namespace holdfast {
namespace {

auto parse(std::string_view text) { return parse_request_head(text, {}); }

int status_of(std::string_view text) {
  auto parsed = parse(text);
  return parsed ? 200 : parsed.error().status;
}

TEST(RequestHead, KeepsSpellingOrderAndRepeats) {
  auto parsed = parse("PURGE /a%20b?x=1 HTTP/1.1\r\nhOst: app\r\nX-A: 1\r\nX-A:  2 \r\nContent-Length: 5\r\n\r\n");
  ASSERT_TRUE(parsed);
  const auto& [head, framing] = *parsed;
  EXPECT_EQ(head.method, "PURGE");
  EXPECT_EQ(head.target, "/a%20b?x=1");
  EXPECT_EQ(head.minor_version, 1);
  EXPECT_EQ(head.headers.begin()->first, "hOst");
  EXPECT_EQ(head.headers.all("x-a"), (std::vector<std::string_view>{"1", "2"}));
  EXPECT_EQ(framing.kind, Framing::length);
  EXPECT_EQ(framing.length, 5U);
}

struct Verdict {
  const char* name;
  std::string text;
  int status;
};

class RequestVerdicts : public testing::TestWithParam<Verdict> {};

TEST_P(RequestVerdicts, AreWhatTheStandardSays) { EXPECT_EQ(status_of(GetParam().text), GetParam().status) << GetParam().name; }

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n";
const std::string kPost = "POST / HTTP/1.1\r\nHost: a\r\n";

INSTANTIATE_TEST_SUITE_P(
    Table, RequestVerdicts,
    testing::Values(
        Verdict{"plain", kGet + "\r\n", 200}, Verdict{"chunked", kPost + "Transfer-Encoding: chunked\r\n\r\n", 200},
        Verdict{"chunked in capitals", kPost + "Transfer-Encoding: CHUNKED\r\n\r\n", 200},
        Verdict{"length and coding", kPost + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        Verdict{"two lengths", kPost + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", 400},
        Verdict{"list of lengths", kPost + "Content-Length: 3, 3\r\n\r\n", 400},
        Verdict{"signed length", kPost + "Content-Length: +3\r\n\r\n", 400},
        Verdict{"hexadecimal length", kPost + "Content-Length: 0x3\r\n\r\n", 400},
        Verdict{"empty length", kPost + "Content-Length: \r\n\r\n", 400},
        Verdict{"huge length", kPost + "Content-Length: 99999999999999999999999\r\n\r\n", 400},
        Verdict{"unknown coding", kPost + "Transfer-Encoding: xchunked\r\n\r\n", 400},
        Verdict{"coding before chunked", kPost + "Transfer-Encoding: gzip, chunked\r\n\r\n", 400},
        Verdict{"chunked twice", kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        Verdict{"coding hidden by a vertical tab",
                kPost + "Transfer-Encoding: \x0b"
                        "chunked\r\n\r\n",
                400},
        Verdict{"coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        Verdict{"blank before the colon", kGet + "X-A : 1\r\n\r\n", 400}, Verdict{"folded line", kGet + "X-A: 1\r\n 2\r\n\r\n", 400},
        Verdict{"folded first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400}, Verdict{"bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
        Verdict{"bare CR", kGet + "X-A: 1\r2\r\n\r\n", 400}, Verdict{"NUL in a value", kGet + std::string("X-A: 1\0002\r\n\r\n", 13), 400},
        Verdict{"no host", "GET / HTTP/1.1\r\n\r\n", 400}, Verdict{"no host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 200},
        Verdict{"two hosts", kGet + "Host: b\r\n\r\n", 400}, Verdict{"host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        Verdict{"host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400}, Verdict{"no header name", kGet + ": x\r\n\r\n", 400},
        Verdict{"no version", "GET /\r\nHost: a\r\n\r\n", 400}, Verdict{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        Verdict{"garbage", "GARBAGE\r\n\r\n", 400}, Verdict{"relative target", "GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        Verdict{"asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200},
        Verdict{"asterisk with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        Verdict{"CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        Verdict{"long target", "GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 431}));

TEST(RequestHead, AbsoluteFormIsReducedAndItsHostWins) {
  auto parsed = parse("GET http://real.example:81?q HTTP/1.1\r\nHost: other\r\n\r\n");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->first.target, "/?q");
  EXPECT_EQ(parsed->first.headers.get("Host"), "real.example:81");
}

TEST(RequestHead, HasLimits) {
  HeadLimits limits;
  limits.max_fields = 3;
  limits.max_target = 10;
  EXPECT_EQ(parse_request_head(kGet + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits).error().status, 431);
  EXPECT_EQ(parse_request_head("GET /0123456789 HTTP/1.1\r\nHost: a\r\n\r\n", limits).error().status, 414);
}

TEST(HeadEnd, IsFoundAcrossPieces) {
  const std::string text = kGet + "\r\nrest";
  for (size_t cut = 1; cut < text.size(); ++cut) {
    const size_t first = find_head_end(std::string_view(text).substr(0, cut));
    const size_t second = find_head_end(text, cut);
    EXPECT_EQ(first == std::string_view::npos ? second : first, text.size() - 4) << cut;
  }
}

TEST(ResponseHead, SaysHowItsBodyIsFramed) {
  bool keep = false;
  const auto framing = [&](std::string_view text, std::string_view method = "GET") {
    auto parsed = parse_response_head(text, method, keep);
    return parsed ? parsed->second.kind : Framing::until_close;
  };
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"), Framing::length);
  EXPECT_TRUE(keep);
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "HEAD"), Framing::none);
  EXPECT_EQ(framing("HTTP/1.1 204 No Content\r\n\r\n"), Framing::none);
  EXPECT_EQ(framing("HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n"), Framing::none);
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"), Framing::chunked);
  EXPECT_FALSE(keep);
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\n\r\n"), Framing::until_close);
  EXPECT_FALSE(keep);
  EXPECT_EQ(framing("HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n"), Framing::length);
  EXPECT_TRUE(keep);
}

TEST(ResponseHead, AmbiguityIsAnError) {
  bool keep = false;
  for (const char* text :
       {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: 1\r\n 2\r\n\r\n", "ICY 200 OK\r\n\r\n", "HTTP/1.1 OK\r\n\r\n"}) {
    EXPECT_FALSE(parse_response_head(text, "GET", keep)) << text;
  }
}

}  // namespace
}  // namespace holdfast
