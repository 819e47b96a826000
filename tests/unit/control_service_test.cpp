#include "control/service.h"
#include "tests/unit/control_support.h"

namespace holdfast::control {
namespace {

using std::chrono::milliseconds;

Item item(const std::string& channel) {
  Item made;
  made.channel = channel;
  made.http_stream.emplace();
  made.http_stream->content = Bytes::literal("x");
  return made;
}

class ServiceTest : public testing::Test {
 protected:
  int64_t count(const std::string& name) { return metrics_.counter(name, "").value(); }

  Metrics metrics_;
  FakeNode node_;
  FakeBroker broker_;
  Service service_{broker_, node_, metrics_};
};

TEST_F(ServiceTest, ItemsReachTheBrokerInOrderAndEachHasAReceipt) {
  const auto receipts = service_.publish({item("a"), item("b"), item("a")});
  ASSERT_EQ(receipts.size(), 3u);
  for (const auto& receipt : receipts) EXPECT_TRUE(receipt);
  EXPECT_EQ(broker_.channels(), (std::vector<std::string>{"a", "b", "a"}));
  EXPECT_EQ(count("holdfast_published_items_total"), 3);
  EXPECT_EQ(count("holdfast_publish_requests_total"), 1);
}

TEST_F(ServiceTest, NothingToPublishIsNotTheBrokersBusiness) {
  broker_.hold();
  EXPECT_TRUE(service_.publish({}).empty());
  EXPECT_TRUE(broker_.channels().empty());
}

TEST_F(ServiceTest, ARefusedItemIsToldApartFromAnAcceptedOne) {
  broker_.judge([](const PublishRequest& request) -> Result<PublishReceipt> {
    if (request.channel == "bad") return fail(ErrorKind::too_large, "too much");
    return PublishReceipt{.position = {1, 7}};
  });
  const auto receipts = service_.publish({item("good"), item("bad")});
  ASSERT_EQ(receipts.size(), 2u);
  ASSERT_TRUE(receipts[0]);
  EXPECT_EQ(receipts[0]->position.offset, 7u);
  ASSERT_FALSE(receipts[1]);
  EXPECT_EQ(receipts[1].error().kind, ErrorKind::too_large);
  EXPECT_EQ(count("holdfast_published_items_total"), 1);
  EXPECT_EQ(count("holdfast_publish_refused_total"), 1);
}

TEST_F(ServiceTest, ABrokerThatDoesNotAnswerIsUnavailableAndMayAnswerLater) {
  Service hasty(broker_, node_, metrics_, milliseconds(1));
  broker_.hold();
  const auto receipts = hasty.publish({item("a"), item("b")});
  ASSERT_EQ(receipts.size(), 2u);
  for (const auto& receipt : receipts) {
    ASSERT_FALSE(receipt);
    EXPECT_EQ(receipt.error().kind, ErrorKind::unavailable);
  }
  broker_.release();  // the late completion finds its memory alive; the sanitizers watch
  EXPECT_TRUE(service_.publish({item("c")})[0]);
}

TEST_F(ServiceTest, AMissingReceiptIsNoSuccess) {
  broker_.lose_receipts(1);
  const auto receipts = service_.publish({item("a"), item("b")});
  ASSERT_EQ(receipts.size(), 2u);
  EXPECT_TRUE(receipts[0]);
  EXPECT_FALSE(receipts[1]);
}

TEST_F(ServiceTest, KeysGoWithTheirItems) {
  std::vector<std::string> keys;
  broker_.judge([&](const PublishRequest& request) -> Result<PublishReceipt> {
    keys.push_back(request.idempotency_key);
    return PublishReceipt{.position = {1, 1}};
  });
  service_.publish({item("a"), item("b")}, {"k", ""});
  service_.publish({item("a")});
  EXPECT_EQ(keys, (std::vector<std::string>{"k", "", ""}));
}

}  // namespace
}  // namespace holdfast::control
