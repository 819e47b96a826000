#include <gtest/gtest.h>

#include "gateway/upstream/address.h"
#include "gateway/upstream/client.h"
#include "gateway/upstream/outgoing.h"
#include "gateway/upstream/response.h"

namespace holdfast {
namespace {

TEST(UpstreamAddress, ThatCouldReachIntoOurNetworkIsNotPublic) {
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "10.255.255.255",
                           "100.64.0.1",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.0.1",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.1",
                           "192.168.1.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.9",
                           "224.0.0.1",
                           "239.1.1.1",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:8.8.8.8",
                           "::ffff:127.0.0.1",
                           "::127.0.0.1",
                           "64:ff9b::7f00:1",
                           "fc00::1",
                           "fdff::1",
                           "fe80::1",
                           "fec0::1",
                           "ff02::1",
                           "2001::1",
                           "2001:db8::1",
                           "2002:7f00:1::",
                           "3fff::1",
                           "[::1]"}) {
    const auto address = literal_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_FALSE(is_public(*address)) << text;
  }
  for (const char* text : {"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "126.255.255.255", "128.0.0.1", "169.253.1.1",
                           "172.15.0.1", "172.32.0.1", "192.167.1.1", "192.169.0.1", "198.17.0.1", "223.255.255.255",
                           "2001:4860:4860::8888", "2606:4700::1111", "2a00::1", "2003::1", "[2a00::1]"}) {
    const auto address = literal_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_TRUE(is_public(*address)) << text;
  }
  EXPECT_FALSE(is_public(*unix_address("/run/x")));
}

TEST(UpstreamAddress, IsLiteralOnlyInItsFullForm) {
  for (const char* text :
       {"", "localhost", "127.1", "0x7f000001", "2130706433", "1.2.3.4.5", "[127.0.0.1", "[]", ":", "fe80::1%lo", "1.2.3.4 "}) {
    EXPECT_FALSE(literal_address(text)) << text;
  }
  EXPECT_FALSE(literal_address(std::string(300, '1')));
  EXPECT_EQ(to_string(*literal_address("[::1]")), "::1");
  EXPECT_EQ(to_string(*literal_address("127.0.0.1")), "127.0.0.1");
  EXPECT_FALSE(unix_address(""));
  EXPECT_FALSE(unix_address(std::string(200, 'x')));
  EXPECT_EQ(to_string(*unix_address("/run/x")), "/run/x");
}

TEST(UpstreamEndpoint, IsNamedAsPeopleWriteIt) {
  EXPECT_EQ(to_string(Endpoint{.host = "backend", .port = 80}), "backend:80");
  EXPECT_EQ(to_string(Endpoint{.host = "::1", .port = 8000}), "[::1]:8000");
  EXPECT_EQ(to_string(Endpoint{.host = "[::1]", .port = 8000}), "[::1]:8000");
  EXPECT_EQ(to_string(Endpoint{.host = "/run/x", .unix_socket = true}), "unix:/run/x");
}

TEST(UpstreamErrors, HaveNamesOfTheirOwn) {
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(UpstreamError::mid_body); ++i) names.emplace_back(to_string(static_cast<UpstreamError>(i)));
  EXPECT_EQ(names, (std::vector<std::string>{"connect_failed", "blocked", "overloaded", "before_head", "timeout", "mid_body"}));
}

std::string text_of(Outgoing& outgoing, size_t step) {
  std::string out;
  while (!outgoing.empty()) {
    iovec parts[3];
    const size_t count = outgoing.gather(parts, 3);
    std::string gathered;
    for (size_t i = 0; i < count; ++i) gathered.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    const size_t take = std::min(step, gathered.size());
    out += gathered.substr(0, take);
    const size_t before = outgoing.size();
    outgoing.consume(take);
    EXPECT_EQ(outgoing.size(), before - take);
  }
  return out;
}

TEST(UpstreamOutgoing, IsTheSameHoweverMuchTheSocketTakes) {
  for (size_t step = 1; step < 130; ++step) {
    RequestHead head{"POST", "/", 1, {}};
    head.headers.add("Host", "h");
    Outgoing outgoing("POST", head, {Framing::chunked, 0});
    EXPECT_TRUE(outgoing.push(Bytes::literal("abc"), false));
    EXPECT_TRUE(outgoing.push(Bytes(), false)) << "an empty piece must not end the body";
    EXPECT_TRUE(outgoing.push(Bytes::literal("0123456789abcdef"), true));
    EXPECT_TRUE(outgoing.whole());
    EXPECT_EQ(text_of(outgoing, step),
              "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
  }
}

TEST(UpstreamOutgoing, SaysThatAMethodWithABodyHasNone) {
  const auto first_write = [](const char* method, BodyFraming body) {
    Outgoing outgoing(method, RequestHead{method, "/", 1, {}}, body);
    EXPECT_TRUE(outgoing.whole());
    return text_of(outgoing, 1000);
  };
  EXPECT_EQ(first_write("POST", {}), "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(first_write("PUT", {Framing::length, 0}), "PUT / HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(first_write("GET", {}), "GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(first_write("DELETE", {}), "DELETE / HTTP/1.1\r\n\r\n");
}

TEST(UpstreamOutgoing, CountsTheBytesOfALength) {
  const RequestHead head{"PUT", "/", 1, {}};
  Outgoing exact("PUT", head, {Framing::length, 6});
  EXPECT_TRUE(exact.push(Bytes::literal("abc"), false));
  EXPECT_FALSE(exact.whole());
  EXPECT_TRUE(exact.push(Bytes::literal("def"), false));
  EXPECT_TRUE(exact.whole()) << "the length says so, whatever follows";
  EXPECT_TRUE(exact.push(Bytes::literal("ghi"), true));
  EXPECT_TRUE(text_of(exact, 1000).ends_with("\r\n\r\nabcdef"));

  Outgoing shorter("PUT", head, {Framing::length, 6});
  EXPECT_FALSE(shorter.push(Bytes::literal("abc"), true));
}

TEST(UpstreamOutgoing, FindsLinesThatWereSmuggledIn) {
  const auto well_formed = [](const char* target, const char* name, std::string value) {
    RequestHead head{"GET", target, 1, {}};
    head.headers.add(name, value);
    return Outgoing("GET", head, {}).well_formed();
  };
  EXPECT_TRUE(well_formed("/", "A", "b"));
  EXPECT_TRUE(well_formed("/", "A", "b\tc\td \xc3\xa9\xff\x80\x7f"));
  EXPECT_TRUE(well_formed("/", "Content-Length", "b\r\nleft out"));
  for (size_t size = 0; size < 40; ++size) {
    for (size_t at = 0; at < size; ++at) {
      std::string value(size, 'x');
      EXPECT_TRUE(well_formed("/", "A", value));
      value[at] = '\n';
      EXPECT_FALSE(well_formed("/", "A", value)) << size << " " << at;
    }
  }
  EXPECT_FALSE(well_formed("/", "A", "\t\t\n"));
  EXPECT_FALSE(well_formed("/", "A", "b\r\nC: d"));
  EXPECT_FALSE(well_formed("/", "A", "b\n"));
  EXPECT_FALSE(well_formed("/", "A", "\r"));
  EXPECT_FALSE(well_formed("/", "A", std::string("a\0b", 3)));
  EXPECT_FALSE(well_formed("/", "A: b\r\nC", "d"));
  EXPECT_FALSE(well_formed("/ HTTP/1.1\r\nA: b\r\n\r\nGET /", "A", "b"));
}

TEST(UpstreamResponseHead, IsGivenUpOnAsSoonAsItCannotBecomeOne) {
  EXPECT_TRUE(may_become_head("", 0));
  EXPECT_TRUE(may_become_head("HTT", 0));
  EXPECT_TRUE(may_become_head("HTTP/1.1 200 OK\r\nA: b\r", 0));
  EXPECT_FALSE(may_become_head("HTTQ", 0));
  EXPECT_FALSE(may_become_head("\r\nHTTP/1.1", 0));
  EXPECT_FALSE(may_become_head("HTTP/1.1 200 OK\nA", 0));
  EXPECT_FALSE(may_become_head("HTTP/1.1 200 OK\r\nA\nB", 17));
}

TEST(UpstreamKeepAlive, IsALittleShorterThanThePeerPromises) {
  const auto with = [](const char* value) {
    Headers headers;
    headers.add("keep-alive", value);
    return kept_alive_for(headers, Duration(30000));
  };
  EXPECT_EQ(kept_alive_for({}, Duration(30000)), Duration(30000));
  EXPECT_EQ(with("timeout=5"), Duration(4000));
  EXPECT_EQ(with("max=100, Timeout=5"), Duration(4000));
  EXPECT_EQ(with("timeout=1"), Duration(500));
  EXPECT_EQ(with("timeout=0"), Duration(0));
  EXPECT_EQ(with("timeout=3600"), Duration(30000));
  for (const char* bad :
       {"", "timeout", "timeout=", "timeout=-1", "timeout=x", "timeout=99999999999999999999", "timeout=9223372036854775807"}) {
    EXPECT_EQ(with(bad), Duration(30000)) << bad;
  }
}

TEST(UpstreamOptions, AreDeclaredInTheirSection) {
  OptionSet set;
  UpstreamOptions options;
  declare(set, options);
  EXPECT_EQ(set.options().size(), 8U);
  for (const auto& option : set.options()) EXPECT_TRUE(option.key.starts_with("upstream.")) << option.key;
  ASSERT_NE(set.find("upstream.idle_timeout"), nullptr);
  EXPECT_TRUE(set.find("upstream.idle_timeout")->set({"5s"}));
  EXPECT_EQ(options.idle_timeout, Duration(5000));
}

}  // namespace
}  // namespace holdfast
