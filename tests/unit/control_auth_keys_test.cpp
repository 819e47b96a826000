#include "control/auth/authenticator.h"
#include "control/auth/key_file.h"
#include "tests/unit/control_auth_support.h"

namespace holdfast::control {
namespace {

const std::string kToken = "0123456789abcdef";
const std::string kOther = "fedcba9876543210";

class AuthKeys : public testing::Test {
 protected:
  Authenticator make(AuthOptions options) { return {std::move(options), clock_, metrics_}; }
  ManualClock clock_;
  Metrics metrics_;
};

TEST_F(AuthKeys, WithoutAnyKeyNobodyIsAsked) {
  auto nobody = make({});
  ASSERT_TRUE(nobody.load());
  EXPECT_FALSE(nobody.asks());
  const auto caller = nobody.authenticate("");
  ASSERT_TRUE(caller);
  EXPECT_TRUE(caller->operate);
}

TEST_F(AuthKeys, OnlyAWholeTokenIsTaken) {
  auto doors = make({.tokens = {kToken, "another-long-token"}});
  ASSERT_TRUE(doors.load());
  EXPECT_TRUE(doors.asks());
  EXPECT_TRUE(doors.authenticate("Bearer " + kToken)->operate);
  EXPECT_TRUE(doors.authenticate("bearer another-long-token"));
  for (const char* wrong :
       {"", "Bearer", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Bearer 0123456789abcdeF",
        "Bearer 0123456789abcdef0123456789abcdef", "Basic 0123456789abcdef", "0123456789abcdef", "Bearer0123456789abcdef"}) {
    const auto refused = doors.authenticate(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().kind, ErrorKind::denied);
    EXPECT_EQ(refused.error().text.find_first_of("\"\\\r\n"), std::string::npos) << "it stands in a quoted string";
  }
  EXPECT_EQ(metrics_.counter("holdfast_control_unauthenticated_total", "").value(), 10);
}

TEST_F(AuthKeys, AFileHoldsOneTokenPerLine) {
  const KeyFile file("# publishers\n\nfirst-token-of-all\r\n  second-token-of-all  \n");
  auto doors = make({.token_file = file.path});
  ASSERT_TRUE(doors.load());
  EXPECT_TRUE(doors.authenticate("Bearer first-token-of-all"));
  const auto second = doors.authenticate("Bearer second-token-of-all");
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->name.ends_with(":4")) << second->name;
  EXPECT_FALSE(doors.authenticate("Bearer # publishers"));
}

TEST_F(AuthKeys, BadTokensAreRefusedWithoutShowingThem) {
  for (const char* content : {"", "# nothing\n", "short\n", "with a blank in it\n", "same-token-twice-over\nsame-token-twice-over\n"}) {
    const KeyFile file(content);
    const auto loaded = make({.token_file = file.path}).load();
    ASSERT_FALSE(loaded) << content;
    for (const char* secret : {"short\n", "with a", "same-token"}) EXPECT_EQ(loaded.error().text.find(secret), std::string::npos);
  }
  EXPECT_FALSE(make({.token_file = "/nowhere/at/all"}).load());
  EXPECT_FALSE(make({.tokens = {"tooshort"}}).load());
}

TEST_F(AuthKeys, ACallerHasTheRightsOfItsEntry) {
  const KeyFile file(kOther + "\n");
  auto doors = make({.callers = {{.name = "billing", .token = kToken, .publish = {"bill/"}, .rate = 5},
                                 {.name = "ops", .token_file = file.path, .certificate = "ops.test", .read = {""}, .operate = true}}});
  ASSERT_TRUE(doors.load());
  const auto billing = doors.authenticate("Bearer " + kToken);
  ASSERT_TRUE(billing);
  EXPECT_EQ(billing->name, "billing");
  EXPECT_TRUE(billing->may_publish("bill/1"));
  EXPECT_FALSE(billing->may_publish("bills"));
  EXPECT_FALSE(billing->may_read("bill/1"));
  EXPECT_EQ(billing->rate, 5);
  EXPECT_EQ(billing->burst, 5);
  for (const auto& ops : {doors.authenticate("Bearer " + kOther), doors.authenticate("", {"someone", "ops.test"})}) {
    ASSERT_TRUE(ops);
    EXPECT_EQ(ops->identity, "caller ops");
    EXPECT_TRUE(ops->operate);
  }
}

TEST_F(AuthKeys, ACertificateStandsForOneCallerAndATokenDecidesBeforeIt) {
  auto doors =
      make({.callers = {{.name = "a", .certificate = "a.test"}, {.name = "b", .certificate = "b.test"}, {.name = "c", .token = kToken}}});
  ASSERT_TRUE(doors.load());
  EXPECT_EQ(doors.authenticate("", {"a.test"})->name, "a");
  EXPECT_EQ(doors.authenticate("Bearer " + kToken, {"a.test"})->name, "c");
  EXPECT_FALSE(doors.authenticate("Bearer wrong-wrong-wrong", {"a.test"}));
  EXPECT_FALSE(doors.authenticate("", {"a.test", "b.test"}));
  EXPECT_FALSE(doors.authenticate("", {"A.TEST", "x"}));
}

TEST_F(AuthKeys, EntriesThatContradictEachOtherAreNamed) {
  const struct {
    std::vector<CallerOptions> callers;
    const char* text;
  } cases[] = {
      {{{.where = "x:1", .name = "a"}}, "x:1: needs one of token, token_file and certificate"},
      {{{.name = "a", .token = kToken}, {.where = "x:2", .name = "a", .token = kOther}}, "x:2: another caller has this name"},
      {{{.name = "a", .token = kToken}, {.where = "x:2", .name = "b", .token = kToken}}, "x:2: token: a token is given twice"},
      {{{.name = "a", .certificate = "c"}, {.where = "x:2", .name = "b", .certificate = "c"}}, "x:2: certificate: it is another caller's"},
      {{{.where = "x:1", .name = "a", .token = "short"}}, "x:1: token: a token is shorter than 16 characters"},
      {{{.where = "x:1", .name = "a", .token_file = "/nowhere"}}, "x:1: token_file: /nowhere cannot be read"},
  };
  for (const auto& c : cases) {
    const auto loaded = make({.callers = c.callers}).load();
    ASSERT_FALSE(loaded) << c.text;
    EXPECT_EQ(loaded.error().text.substr(0, std::string_view(c.text).size()), c.text);
  }
}

TEST_F(AuthKeys, KeysChangeWithoutARestartAndWrongNewOnesChangeNothing) {
  const KeyFile file(kToken + "\n");
  auto doors = make({.token_file = file.path});
  ASSERT_TRUE(doors.load());
  file.write(kToken + "\n" + kOther + "\n");
  EXPECT_FALSE(doors.authenticate("Bearer " + kOther));
  ASSERT_TRUE(doors.load());
  EXPECT_TRUE(doors.authenticate("Bearer " + kOther));
  file.write("short\n");
  EXPECT_FALSE(doors.load());
  EXPECT_TRUE(doors.authenticate("Bearer " + kToken));
  file.write("");
  EXPECT_FALSE(doors.load());
  EXPECT_TRUE(doors.asks()) << "an empty file opens no door";
  file.write(kOther + "\n");
  ASSERT_TRUE(doors.load());
  EXPECT_FALSE(doors.authenticate("Bearer " + kToken));
}

TEST(AuthFiles, AreWhatIsWatched) {
  const AuthOptions options{
      .token_file = "a", .callers = {{.token_file = "b"}, {.token = "x"}}, .issuers = {{.key_file = "c"}, {.jwks_file = "d"}}};
  EXPECT_EQ(files_of(options), (std::vector<std::string>{"a", "b", "c", "d"}));
}

}  // namespace
}  // namespace holdfast::control
