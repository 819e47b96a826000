#include <cstdio>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include "control/cli/publish_client.h"
#include "control/cli/publish_items.h"
#include "gateway/message/item_json.h"
#include "tests/unit/control_support.h"

namespace holdfast::control {
namespace {

// What the command line means, as the door's own parser reads it.
Item only_item(const PublishArguments& arguments) {
  const auto body = make_publish_body(arguments);
  EXPECT_TRUE(body) << body.error().text;
  if (!body) return {};
  auto items = parse_items(body->json);
  EXPECT_TRUE(items) << items.error().text << body->json;
  return items && items->size() == 1 ? items->front() : Item{};
}

TEST(CliPublish, ATextWithoutFormatsGoesOutInAllThree) {
  const Item item = only_item({.channel = "news", .text = "hello"});
  EXPECT_EQ(item.channel, "news");
  ASSERT_TRUE(item.http_response && item.http_stream && item.ws_message);
  EXPECT_EQ(item.http_response->body.view(), "hello");
  EXPECT_EQ(item.http_stream->content.view(), "hello");
  EXPECT_EQ(item.ws_message->content.view(), "hello");
  EXPECT_EQ(item.ws_message->type, WsMessageType::text);
}

TEST(CliPublish, AChosenFormatIsTheOnlyOne) {
  EXPECT_FALSE(only_item({.channel = "c", .text = "x", .stream = true}).ws_message);
  EXPECT_FALSE(only_item({.channel = "c", .text = "x", .ws = true}).http_stream);
  const Item item = only_item({.channel = "c", .text = "x", .response = true, .code = 404});
  ASSERT_TRUE(item.http_response && !item.http_stream && !item.ws_message);
  EXPECT_EQ(item.http_response->code, 404);
}

TEST(CliPublish, IdsAndMetaAreCarried) {
  const Item item = only_item({.channel = "c", .text = "x", .id = "2", .prev_id = "1", .meta = {"sender=a=b", "k="}});
  EXPECT_EQ(item.id, "2");
  EXPECT_EQ(item.prev_id, "1");
  EXPECT_EQ(item.meta, (Meta{{"sender", "a=b"}, {"k", ""}}));
}

TEST(CliPublish, TextThatIsNotUtf8ArrivesAsItIs) {
  const Item item = only_item({.channel = "c", .text = std::string("\xff\x00\x80", 3)});
  ASSERT_TRUE(item.http_response && item.http_stream && item.ws_message);
  EXPECT_EQ(item.http_stream->content.view(), std::string_view("\xff\x00\x80", 3));
  EXPECT_EQ(item.http_response->body.view(), std::string_view("\xff\x00\x80", 3));
  EXPECT_EQ(item.ws_message->type, WsMessageType::binary);
}

TEST(CliPublish, CloseAndHintGoWhereTheyMeanSomething) {
  const Item close = only_item({.channel = "c", .close = true, .code = 4001});
  EXPECT_FALSE(close.http_response);
  ASSERT_TRUE(close.http_stream && close.ws_message);
  EXPECT_EQ(close.http_stream->action, Action::close);
  EXPECT_EQ(close.ws_message->action, Action::close);
  EXPECT_EQ(close.ws_message->close_code, 4001);
  const Item hint = only_item({.channel = "c", .hint = true});
  EXPECT_FALSE(hint.ws_message);
  ASSERT_TRUE(hint.http_response && hint.http_stream);
  EXPECT_EQ(hint.http_stream->action, Action::hint);
}

TEST(CliPublish, ContradictionsAreUsageErrors) {
  for (const PublishArguments& wrong : std::vector<PublishArguments>{{.text = "x"},
                                                                     {.channel = "c"},
                                                                     {.channel = "c", .text = "x", .close = true},
                                                                     {.channel = "c", .text = "x", .hint = true},
                                                                     {.channel = "c", .close = true, .hint = true},
                                                                     {.channel = "c", .response = true, .close = true},
                                                                     {.channel = "c", .ws = true, .hint = true},
                                                                     {.channel = "c", .text = "x", .meta = {"novalue"}},
                                                                     {.channel = "c", .text = "x", .meta = {"=v"}},
                                                                     {.channel = "\xff", .text = "x"}})
    EXPECT_FALSE(make_publish_body(wrong));
}

TEST(CliPublish, AFileHoldsARequestAListOrOneItem) {
  const std::string item = R"({"channel":"c","http-stream":{"content":"x"}})";
  for (const std::string& content : {"{\"items\":[" + item + "]}", "[" + item + "]", item}) {
    const auto body = read_items(content);
    ASSERT_TRUE(body) << content;
    EXPECT_EQ(body->items, 1u);
    EXPECT_TRUE(parse_items(body->json)) << body->json;
  }
  for (const char* content : {"", "{", "3", "\"x\"", R"({"items":3})", "null"}) EXPECT_FALSE(read_items(content)) << content;
}

class CliPublishDoor : public DoorTest {
 protected:
  Exit run(PublishArguments arguments, const std::string& input = "") {
    if (server_) arguments.door.url = "http://127.0.0.1:" + std::to_string(server_->port());
    std::istringstream in(input);
    out_.str("");
    err_.str("");
    return publish(std::move(arguments), in, out_, err_);
  }
  std::string name() { return "127.0.0.1:" + std::to_string(server_->port()); }

  std::ostringstream out_, err_;
};

TEST_F(CliPublishDoor, PublishesAndSaysSo) {
  open();
  EXPECT_EQ(run({.channel = "news", .text = "hello"}), Exit::good);
  EXPECT_EQ(out_.str(), "published 1 item to " + name() + "\n");
  EXPECT_EQ(run({.door = {.json = true}, .channel = "news", .text = "-"}, "from input"), Exit::good);
  EXPECT_EQ(out_.str(), "{\"published\":1,\"to\":\"" + name() + "\"}\n");
  EXPECT_EQ(run({.file = "-"}, R"([{"channel":"a","http-stream":{"content":"x"}},{"channel":"b","http-stream":{"content":"x"}}])"),
            Exit::good);
  EXPECT_EQ(out_.str(), "published 2 items to " + name() + "\n");
  EXPECT_EQ(broker_.channels(), (std::vector<std::string>{"news", "news", "a", "b"}));
}

TEST_F(CliPublishDoor, ARefusalIsToldWithTheDoorsWords) {
  open();
  EXPECT_EQ(run({.file = "-"}, R"([{"channel":3}])"), Exit::refused);
  EXPECT_EQ(err_.str().rfind("holdfast publish: " + name() + " answered 400: Invalid format: ", 0), 0u) << err_.str();
  EXPECT_TRUE(out_.str().empty());
  EXPECT_EQ(run({.door = {.json = true}, .file = "-"}, R"([{"channel":3}])"), Exit::refused);
  EXPECT_NE(out_.str().find("\"status\":400"), std::string::npos);
}

TEST_F(CliPublishDoor, ATokenFileOpensAGuardedDoor) {
  open({}, {.tokens = {"0123456789abcdef"}});
  EXPECT_EQ(run({.channel = "c", .text = "x"}), Exit::refused);
  char file[] = "/tmp/holdfast-token-XXXXXX";
  ::close(::mkstemp(file));
  std::ofstream(file) << "# mine\n0123456789abcdef\r\n";
  EXPECT_EQ(run({.door = {.token_file = file}, .channel = "c", .text = "x"}), Exit::good) << err_.str();
  std::ofstream(file) << "\n";
  EXPECT_EQ(run({.door = {.token_file = file}, .channel = "c", .text = "x"}), Exit::usage);
  std::remove(file);
  EXPECT_EQ(run({.door = {.token_file = file}, .channel = "c", .text = "x"}), Exit::usage);
}

TEST_F(CliPublishDoor, NobodyThereIsItsOwnExit) {
  open();
  const std::string gone = "http://" + name();
  server_.reset();
  EXPECT_EQ(run({.door = {.url = gone}, .channel = "c", .text = "x"}), Exit::unreachable);
  EXPECT_EQ(err_.str().rfind("holdfast publish: cannot reach 127.0.0.1:", 0), 0u) << err_.str();
}

TEST_F(CliPublishDoor, AWrongAddressIsUsage) {
  for (const char* url : {"", "127.0.0.1:5561", "ftp://x", "http://", "http:///publish"}) {
    EXPECT_EQ(run({.door = {.url = url}, .channel = "c", .text = "x"}), Exit::usage) << url;
    EXPECT_FALSE(err_.str().empty());
  }
  EXPECT_EQ(run({.channel = "c", .text = "x", .file = "-"}), Exit::usage);
  EXPECT_EQ(run({.file = "/nowhere/at/all"}), Exit::usage);
}

}  // namespace
}  // namespace holdfast::control
