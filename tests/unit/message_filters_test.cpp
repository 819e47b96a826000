#include <gtest/gtest.h>

#include "gateway/message/filters.h"

namespace holdfast {
namespace {

using Names = std::vector<std::string>;

struct Listener {
  Meta subscription;
  Meta message;
  std::map<std::string, std::string, std::less<>> ids;  // of the subscribed channels

  FilterContext context() const {
    FilterContext out;
    out.subscription_meta = &subscription;
    out.message_meta = &message;
    out.subscribed = [this](std::string_view channel) { return ids.find(channel) != ids.end(); };
    out.last_id = [this](std::string_view channel) {
      const auto found = ids.find(channel);
      return found != ids.end() ? found->second : std::string();
    };
    return out;
  }
};

std::string applied(const Names& filters, const Listener& listener, std::string_view content) {
  auto out = apply(filters, listener.context(), content);
  return out ? *out : "error: " + out.error().text;
}

TEST(Filters, DecideDelivery) {
  struct {
    Names filters;
    Meta subscription, message;
    bool passes;
  } const cases[] = {
      {{}, {{"user", "a"}}, {{"sender", "a"}}, true},
      {{"skip-self"}, {{"user", "a"}}, {{"sender", "a"}}, false},
      {{"skip-self"}, {{"user", "a"}}, {{"sender", "b"}}, true},
      {{"skip-self"}, {{"user", "a"}}, {}, true},
      {{"skip-self"}, {}, {{"sender", "a"}}, true},
      {{"skip-self"}, {{"user", ""}}, {{"sender", ""}}, true},
      {{"skip-self"}, {{"user", "a"}}, {{"sender", "A"}}, true},
      {{"skip-users"}, {{"user", "a"}}, {{"skip_users", "b, a ,c"}}, false},
      {{"skip-users"}, {{"user", "a"}}, {{"skip_users", "a"}}, false},
      {{"skip-users"}, {{"user", "a"}}, {{"skip_users", "aa,b"}}, true},
      {{"skip-users"}, {{"user", "a"}}, {}, true},
      {{"skip-users"}, {}, {{"skip_users", ",,"}}, true},
      {{"require-sub"}, {}, {{"require_sub", "here"}}, true},
      {{"require-sub"}, {}, {{"require_sub", "there"}}, false},
      {{"require-sub"}, {}, {{"require_sub", ""}}, true},
      {{"require-sub"}, {}, {}, true},
      {{"make-nice", ""}, {{"user", "a"}}, {{"sender", "a"}}, true},
      {{"build-id", "var-subst"}, {}, {}, true},
      {{"require-sub", "skip-self"}, {{"user", "a"}}, {{"sender", "a"}}, false},
  };
  for (const auto& c : cases) {
    const Listener listener{c.subscription, c.message, {{"here", ""}}};
    EXPECT_EQ(passes(c.filters, listener.context()), c.passes) << &c - cases;
  }
}

TEST(Filters, ContextMayBeEmpty) {
  EXPECT_TRUE(passes({"skip-self", "skip-users", "require-sub"}, {}));
  EXPECT_FALSE(apply({"build-id"}, {}, "%I"));
  EXPECT_FALSE(apply({"var-subst"}, {}, "%(a)s"));
}

TEST(Filters, TellWhichChangeContent) {
  EXPECT_TRUE(changes_content({"skip-self", "var-subst"}));
  EXPECT_TRUE(changes_content({"build-id"}));
  EXPECT_FALSE(changes_content({"skip-self", "skip-users", "require-sub", "make-nice"}));
  EXPECT_EQ(content_filters({"var-subst", "skip-self", "build-id", "make-nice"}), (Names{"var-subst", "build-id"}));
}

TEST(Filters, VarSubstFillsInTheSubscriptionsMeta) {
  const Listener listener{{{"user", "alice"}, {"room", "7"}, {"empty", ""}, {"a)b", "odd"}}, {}, {}};
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"hi %(user)s in %(room)s, 100%%\n", "hi alice in 7, 100%\n"},
      {"", ""},
      {"plain", "plain"},
      {"[%(empty)s]", "[]"},
      {"%%%%(user)s", "%%(user)s"},
      {R"(%(a\)b)s)", "odd"},
      {"%(nobody)s", "error: no such variable 'nobody'"},
      {"%(user)d", "error: unknown directive 'd'"},
      {"%I", "error: unknown directive 'I'"},
      {"%s", "error: directive 's' needs a name"},
      {"%()s", "error: directive 's' needs a name"},
      {"%!", "error: unknown directive"},
      {"%(user)%", "error: unknown directive"},
      {"x%", "error: a directive is cut off by the end"},
      {"x%(", "error: a directive is cut off by the end"},
      {"x%(user", "error: a directive is cut off by the end"},
      {"x%(user)", "error: a directive is cut off by the end"},
      {"x%(user\\", "error: a directive is cut off by the end"},
  };
  for (const auto& [content, result] : cases) EXPECT_EQ(applied({"var-subst"}, listener, content), result) << content;
}

TEST(Filters, BuildIdWritesIds) {
  const Listener listener{{{"id_format", "v=%(a)s;%(b)s 5%%"}}, {}, {{"a", "6"}, {"b", "x"}}};
  EXPECT_EQ(applied({"build-id"}, listener, "id: %I %(own)I 1%%"), "id: v=6;x 5% own 1%");
  EXPECT_EQ(applied({"build-id"}, listener, "%(user)s"), "error: unknown directive 's'");
}

TEST(Filters, BuildIdWritesHexIfAsked) {
  const Listener listener{{{"id_format", "%(a)s"}, {"id_encoding", "hex"}}, {}, {{"a", "\xff\x01z"}}};
  EXPECT_EQ(applied({"build-id"}, listener, "%I %(AB)I"), "ff017a 4142");
}

TEST(Filters, BuildIdNeedsAFormatItCanFill) {
  EXPECT_EQ(applied({"build-id"}, {}, "no directive"), "error: no id_format in the subscription's meta");
  EXPECT_EQ(applied({"build-id"}, {{{"id_format", "x"}, {"id_encoding", "base64"}}, {}, {}}, "x"),
            "error: unsupported id_encoding 'base64'");
  const auto with = [](std::string format) { return Listener{{{"id_format", std::move(format)}}, {}, {{"a", "1"}, {"new", ""}}}; };
  EXPECT_EQ(applied({"build-id"}, with("%(b)s"), "%I"), "error: id_format names the channel 'b', which is not subscribed");
  EXPECT_EQ(applied({"build-id"}, with("%(new)s"), "%I"), "error: no id is known for the channel 'new' in id_format");
  EXPECT_EQ(applied({"build-id"}, with("%(a)d"), "%I"), "error: unknown directive 'd' in id_format");
  EXPECT_EQ(applied({"build-id"}, with("%s"), "%I"), "error: directive 's' in id_format needs a channel");
  EXPECT_EQ(applied({"build-id"}, with("%(a"), "%I"), "error: a directive is cut off by the end");
  EXPECT_EQ(applied({"build-id"}, with("%(b)s"), "%(x)I"), "x");
}

TEST(Filters, ContentFiltersWorkInTheirOrder) {
  const Listener listener{{{"id_format", "%(a)s"}, {"user", "%I"}}, {}, {{"a", "6"}}};
  EXPECT_EQ(applied({"var-subst", "skip-self", "build-id"}, listener, "%(user)s"), "6");
  EXPECT_EQ(applied({"var-subst", "build-id"}, listener, "%%I"), "6");
  EXPECT_EQ(applied({"build-id", "var-subst"}, listener, "%I"), "6");
}

TEST(Filters, WithoutContentFiltersContentStaysAsItIs) { EXPECT_EQ(applied({"skip-self"}, {}, "%(x)s %"), "%(x)s %"); }

std::string replied(const Names& filters, const Listener& listener, const Names& pieces) {
  ReplyFilter filter(filters, listener.context());
  std::string out;
  for (const auto& piece : pieces) {
    auto part = filter.feed(piece);
    if (!part) return out + "error: " + part.error().text;
    out += *part;
  }
  auto rest = filter.finish();
  return rest ? out + *rest : out + "error: " + rest.error().text;
}

TEST(ReplyFilter, WritesGivenIdsOverAnyBorder) {
  const std::string text = "start %(x1)I 100%% %(a\\)b)I end";
  for (size_t one = 0; one <= text.size(); ++one) {
    for (size_t two = one; two <= text.size(); ++two) {
      EXPECT_EQ(replied({"build-id"}, {}, {text.substr(0, one), text.substr(one, two - one), text.substr(two)}), "start x1 100% a)b end");
    }
  }
}

TEST(ReplyFilter, SaysAtOnceWhatItCan) {
  ReplyFilter filter({"build-id"}, {});
  EXPECT_EQ(*filter.feed("abc%"), "abc");
  EXPECT_EQ(*filter.feed("(x"), "");
  EXPECT_EQ(*filter.feed(")Id"), "xd");
  EXPECT_EQ(*filter.finish(), "");
}

TEST(ReplyFilter, AnIdOfTheProxysOwnIsAnError) {
  EXPECT_EQ(replied({"build-id"}, {{{"id_format", "x"}}, {}, {}}, {"%I"}), "error: %I has no id in a reply; only %(ID)I has");
  EXPECT_EQ(replied({"build-id"}, {}, {"a%", "z"}), "aerror: unknown directive 'z'");
}

TEST(ReplyFilter, ACutDirectiveIsAnErrorAtTheEnd) {
  EXPECT_EQ(replied({"build-id"}, {}, {"a%(x"}), "aerror: a directive is cut off by the end");
}

TEST(ReplyFilter, ADirectiveThatNeverEndsIsBounded) {
  ReplyFilter filter({"build-id"}, {});
  ASSERT_TRUE(filter.feed("%("));
  Result<std::string> out = std::string();
  for (int n = 0; out && n < 1000; ++n) out = filter.feed("0123456789");
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().text, "a directive is longer than 4096 bytes");
}

TEST(ReplyFilter, OnlyBuildIdChangesReplies) { EXPECT_EQ(replied({"var-subst", "skip-self"}, {}, {"%(x)s %I %"}), "%(x)s %I %"); }

TEST(ReplyFilter, BuildIdNamedByTwoChannelsWorksOnce) {
  EXPECT_EQ(replied({"build-id", "var-subst", "build-id"}, {}, {"%%(x)I"}), "%(x)I");
}

TEST(ReplyFilter, WritesHexIfAsked) {
  EXPECT_EQ(replied({"build-id"}, {{{"id_encoding", "hex"}}, {}, {}}, {"%(A", "B)I"}), "4142");
  EXPECT_EQ(replied({"build-id"}, {{{"id_encoding", "rot13"}}, {}, {}}, {"x"}), "error: unsupported id_encoding 'rot13'");
}

}  // namespace
}  // namespace holdfast
