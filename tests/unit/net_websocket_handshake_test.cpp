#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/net/websocket_handshake.h"

namespace holdfast {
namespace {

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";  // RFC 6455 section 1.3

RequestHead good_request() {
  RequestHead head;
  head.method = "GET";
  head.target = "/chat";
  head.headers.add("Host", "example.com");
  head.headers.add("Upgrade", "websocket");
  head.headers.add("Connection", "keep-alive, Upgrade");
  head.headers.add("Sec-WebSocket-Key", kKey);
  head.headers.add("Sec-WebSocket-Version", "13");
  return head;
}

// 0: it can be a WebSocket.
int judged(const RequestHead& head, BodyFraming body = {}) {
  const auto refusal = judge_handshake(head, body);
  if (!refusal) return 0;
  EXPECT_EQ(refusal->head.headers.get("Content-Type"), "text/plain");
  EXPECT_FALSE(refusal->text.empty());
  return refusal->head.status;
}

RequestHead with(std::string_view name, std::string_view value) {
  auto head = good_request();
  head.headers.set(name, value);
  return head;
}

RequestHead with_another(std::string_view name, std::string_view value) {
  auto head = good_request();
  head.headers.add(name, value);
  return head;
}

RequestHead without(std::string_view name) {
  auto head = good_request();
  head.headers.remove(name);
  return head;
}

TEST(Handshake, IsAskedForByAnUpgradeThatListsWebsocket) {
  for (const char* value : {"websocket", "WebSocket", "h2c, websocket", "h2c ,\tWEBSOCKET ,x", ",websocket,"}) {
    EXPECT_TRUE(wants_websocket(with("Upgrade", value))) << value;
  }
  for (const char* value : {"", "h2c", "websockets", "web socket", "websocket/13", "\"websocket\""}) {
    EXPECT_FALSE(wants_websocket(with("Upgrade", value))) << value;
  }
  EXPECT_FALSE(wants_websocket(without("Upgrade")));

  auto second = with("Upgrade", "h2c");
  second.headers.add("uPGRADE", "websocket");
  EXPECT_TRUE(wants_websocket(second));

  // Everything else may be wrong: that is judged, not passed on as a plain request.
  RequestHead bare;
  bare.method = "POST";
  bare.minor_version = 0;
  bare.headers.add("Upgrade", "websocket");
  EXPECT_TRUE(wants_websocket(bare));
  EXPECT_EQ(judged(bare), 400);
}

TEST(Handshake, IsGoodAsTheSpecificationShowsIt) { EXPECT_EQ(judged(good_request()), 0); }

TEST(Handshake, NeedsGetAndHttp11AndNoBody) {
  auto head = good_request();
  head.method = "POST";
  EXPECT_EQ(judged(head), 400);
  head.method = "get";
  EXPECT_EQ(judged(head), 400);
  head = good_request();
  head.minor_version = 0;
  EXPECT_EQ(judged(head), 400);
  EXPECT_EQ(judged(good_request(), {Framing::length, 5}), 400);
  EXPECT_EQ(judged(good_request(), {Framing::chunked, 0}), 400);
}

TEST(Handshake, NeedsConnectionUpgrade) {
  EXPECT_EQ(judged(without("Connection")), 400);
  EXPECT_EQ(judged(with("Connection", "keep-alive")), 400);
  EXPECT_EQ(judged(with("Connection", "upgrades")), 400);
  EXPECT_EQ(judged(with("Connection", "UPGRADE")), 0);
  auto second = with("Connection", "keep-alive");
  second.headers.add("Connection", "x, upgrade");
  EXPECT_EQ(judged(second), 0);
}

TEST(Handshake, NeedsOneKeyOfSixteenBytes) {
  EXPECT_EQ(judged(without("Sec-WebSocket-Key")), 400);
  for (const char* key : {"", "x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25j",
                          "AAAAAAAAAAAAAAAAAAAAAAA=", "dGhlIHNhbXBsZSBub25jZ!==", "dGhlIHNhbXBs ZSBub25jZQ=="}) {
    EXPECT_EQ(judged(with("Sec-WebSocket-Key", key)), 400) << key;
  }
  EXPECT_EQ(judged(with_another("Sec-WebSocket-Key", kKey)), 400);
}

TEST(Handshake, NamesTheVersionThatIsSpoken) {
  for (const char* version : {"8", "14", "013", "13, 8", "", "13 13"}) {
    const auto refusal = judge_handshake(with("Sec-WebSocket-Version", version), {});
    ASSERT_TRUE(refusal) << version;
    EXPECT_EQ(refusal->head.status, 426) << version;
    EXPECT_EQ(refusal->head.headers.get("Sec-WebSocket-Version"), "13");
  }
  EXPECT_EQ(judged(without("Sec-WebSocket-Version")), 426);
  EXPECT_EQ(judged(with_another("Sec-WebSocket-Version", "13")), 426);
}

TEST(Handshake, TakesListsOfProtocolsOnly) {
  for (const char* value : {"chat", "chat, superchat", "v1.json,v2.json", "a ,\tb"}) {
    EXPECT_EQ(judged(with("Sec-WebSocket-Protocol", value)), 0) << value;
  }
  for (const char* value : {"", ",", "a,,b", "a b", "a;b", "\"a\"", "a,", "(a)"}) {
    EXPECT_EQ(judged(with("Sec-WebSocket-Protocol", value)), 400) << value;
  }
  auto two = with("Sec-WebSocket-Protocol", "a");
  two.headers.add("sec-websocket-protocol", "b");
  EXPECT_EQ(judged(two), 0);
}

TEST(Handshake, BoundsTheProtocolsTogether) {
  EXPECT_EQ(judged(with("Sec-WebSocket-Protocol", std::string(16384, 'a'))), 0);
  EXPECT_EQ(judged(with("Sec-WebSocket-Protocol", std::string(16385, 'a'))), 400);
  auto two = with("Sec-WebSocket-Protocol", std::string(16384, 'a'));
  two.headers.add("Sec-WebSocket-Protocol", "b");
  EXPECT_EQ(judged(two), 400);
}

TEST(Handshake, IsAcceptedAsTheSpecificationShows) {
  EXPECT_EQ(websocket_accept(kKey), kAccept);

  Headers ours;
  ours.add("Sec-WebSocket-Protocol", "chat");
  ours.add("X-Backend", "a");
  ours.add("X-Backend", "b");
  ours.add("upgrade", "other");
  ours.add("CONNECTION", "close");
  ours.add("sec-websocket-accept", "wrong");
  ours.add("Sec-WebSocket-Extensions", "x-other");
  const auto head = accept_handshake(good_request(), ours, "");
  EXPECT_EQ(head.status, 101);
  EXPECT_EQ(head.headers.all("Upgrade"), std::vector<std::string_view>{"websocket"});
  EXPECT_EQ(head.headers.all("Connection"), std::vector<std::string_view>{"Upgrade"});
  EXPECT_EQ(head.headers.all("Sec-WebSocket-Accept"), std::vector<std::string_view>{kAccept});
  EXPECT_EQ(head.headers.get("Sec-WebSocket-Protocol"), "chat");
  EXPECT_EQ(head.headers.all("X-Backend"), (std::vector<std::string_view>{"a", "b"}));
  EXPECT_FALSE(head.headers.has("Sec-WebSocket-Extensions"));
  EXPECT_TRUE(accepts_handshake(head, kKey));

  EXPECT_EQ(accept_handshake(good_request(), ours, "permessage-deflate").headers.all("Sec-WebSocket-Extensions"),
            std::vector<std::string_view>{"permessage-deflate"});
}

TEST(Handshake, IsNotAnsweredByAnotherKeyOrStatus) {
  ResponseHead head;
  head.status = 101;
  head.headers.add("Upgrade", "websocket");
  head.headers.add("Connection", "Upgrade");
  EXPECT_FALSE(accepts_handshake(head, kKey));
  head.headers.add("Sec-WebSocket-Accept", kAccept);
  EXPECT_TRUE(accepts_handshake(head, kKey));
  EXPECT_FALSE(accepts_handshake(head, "AAAAAAAAAAAAAAAAAAAAAA=="));
  head.status = 200;
  EXPECT_FALSE(accepts_handshake(head, kKey));
  head.status = 101;
  head.headers.add("Sec-WebSocket-Accept", kAccept);
  EXPECT_FALSE(accepts_handshake(head, kKey));
}

TEST(Handshake, MakesGoodKeysThatDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const auto key = new_websocket_key();
    EXPECT_EQ(judged(with("Sec-WebSocket-Key", key)), 0) << key;
    EXPECT_TRUE(seen.insert(key).second);
  }
}

}  // namespace
}  // namespace holdfast
