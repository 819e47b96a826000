#include <fstream>

#include "examples/custom-broker/file_broker_harness.h"

namespace holdfast::broker_test {
namespace {

using Texts = std::vector<std::string>;

// What is the file broker's own: the file between nodes, and what may happen to it.
class FileBrokerTest : public BrokerSuite {
 protected:
  std::string path() const { return static_cast<FileHarness&>(*harness).path(); }

  // Calls go to the other node until they are turned back.
  void turn() { std::swap(broker, other_); }
  void start_other() {
    other_ = harness->connect();
    other_->start(other_sink);
    ASSERT_TRUE(other_sink.wait_healthy());
  }
  void TearDown() override {
    BrokerSuite::TearDown();
    if (other_) other_->stop();
  }

  RecordingSink other_sink;

 private:
  std::unique_ptr<Broker> other_;
};

TEST_P(FileBrokerTest, NodesShareOneOrderAndOneSetOfKeys) {
  start_other();
  ASSERT_TRUE(subscribe({"news"}));
  const auto first = publish("news", "1", "key");
  turn();
  ASSERT_TRUE(publish("news", "2"));
  const auto again = publish("news", "1", "key");
  ASSERT_TRUE(first && again);
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->position, first->position);
  turn();
  ASSERT_TRUE(publish("news", "3"));
  const auto got = sink.wait("news", 3);
  EXPECT_EQ(texts(got), (Texts{"1", "2", "3"}));
  for (size_t i = 1; i < got.size(); ++i) EXPECT_EQ(got[i]->previous, got[i - 1]->position);
}

TEST_P(FileBrokerTest, NodesThatPublishAtOnceDoNotOverwriteEachOther) {
  start_other();
  ASSERT_TRUE(subscribe({"news"}));
  turn();
  ASSERT_TRUE(subscribe({"news"}));
  constexpr size_t kEach = 200;
  std::vector<PublishRequest> messages(kEach, {"news", Bytes::literal("x"), {}});
  std::promise<std::vector<Result<PublishReceipt>>> others;
  broker->publish(messages, [&](std::vector<Result<PublishReceipt>> receipts) { others.set_value(std::move(receipts)); });
  turn();
  auto receipts = publish(messages);
  for (auto& receipt : others.get_future().get()) receipts.push_back(std::move(receipt));
  std::vector<uint64_t> offsets;
  for (const auto& receipt : receipts) offsets.push_back(receipt.value().position.offset);
  std::sort(offsets.begin(), offsets.end());
  for (size_t i = 0; i < 2 * kEach; ++i) ASSERT_EQ(offsets.at(i), i + 1);
  for (RecordingSink* of : {&sink, &other_sink}) {
    const auto got = of->wait("news", 2 * kEach);
    ASSERT_EQ(got.size(), 2 * kEach);
    for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i]->position.offset, i + 1);
    EXPECT_TRUE(of->gaps().empty());
  }
}

TEST_P(FileBrokerTest, ANodeThatStartsLaterHasTheHistoryAndTheKeys) {
  const auto first = publish("news", "1", "key");
  ASSERT_TRUE(publish("news", "2"));
  start_other();
  turn();
  const auto page = read("news", first->position);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->continuous);
  EXPECT_EQ(texts(page->publications), (Texts{"2"}));
  EXPECT_TRUE(publish("news", "1", "key")->duplicate);
}

TEST_P(FileBrokerTest, ARecordThatWasNotWrittenToItsEndIsNotThere) {
  ASSERT_TRUE(subscribe({"news"}));
  ASSERT_TRUE(publish("news", "1"));
  const auto size = std::filesystem::file_size(path());
  const std::string zeros(500, '\0');  // what is left of them would read as records
  ASSERT_TRUE(publish("news", zeros));
  std::string record(std::filesystem::file_size(path()) - size, '\0');
  std::ifstream(path(), std::ios::binary)
      .seekg(static_cast<std::streamoff>(size))
      .read(record.data(), static_cast<std::streamsize>(record.size()));
  for (const size_t written : {size_t{1}, record.size() / 2, record.size() - 1}) {
    std::ofstream(path(), std::ios::binary | std::ios::app) << record.substr(0, written);
    ASSERT_TRUE(publish("news", "x"));
  }
  EXPECT_EQ(texts(sink.wait("news", 5)), (Texts{"1", zeros, "x", "x", "x"}));
  start_other();
  turn();
  EXPECT_EQ(read("news", {})->publications.size(), 5u);
  EXPECT_EQ(read("", {})->publications.size(), 0u);
  EXPECT_TRUE(sink.gaps().empty());
}

TEST_P(FileBrokerTest, AFileThatBeginsAnewIsANewEpochAndIsTold) {
  const auto lose = {+[](const std::string& path) { std::filesystem::remove(path); },
                     +[](const std::string& path) { std::filesystem::resize_file(path, 0); },
                     +[](const std::string& path) { std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1); }};
  for (const auto& how : lose) {
    const auto news = channel();
    ASSERT_TRUE(subscribe({news}));
    const auto before = publish(news, "before");
    ASSERT_TRUE(before);
    how(path());
    ASSERT_TRUE(sink.wait_gap(news));
    const auto page = read(news, before->position);
    ASSERT_TRUE(page);
    EXPECT_FALSE(page->continuous);
    EXPECT_TRUE(page->publications.empty());
    const auto after = publish(news, "after");
    ASSERT_TRUE(after);
    EXPECT_NE(after->position.epoch, before->position.epoch);
    EXPECT_EQ(texts(sink.wait(news, 2)), (Texts{"before", "after"}));
    ASSERT_TRUE(unsubscribe({news}));
  }
  EXPECT_EQ(sink.gaps().size(), lose.size());
}

TEST_P(FileBrokerTest, AFileOfAnotherKindIsLeftAlone) {
  std::filesystem::remove(path());
  std::ofstream(path()) << "a letter to someone";
  EXPECT_NE(sink.wait_unhealthy(), "");
  EXPECT_FALSE(publish("news", "1"));
  std::string text;
  std::getline(std::ifstream(path()), text);
  EXPECT_EQ(text, "a letter to someone");
}

TEST_P(FileBrokerTest, WhileTheFileCannotBeOpenedPublishingIsRefused) {
  const auto folder = std::filesystem::path(path()).parent_path();
  const auto away = folder.string() + "-away";
  std::filesystem::rename(folder, away);
  EXPECT_NE(sink.wait_unhealthy(), "");
  const auto refused = publish("news", "1");
  std::filesystem::rename(away, folder);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  ASSERT_TRUE(sink.wait_healthy());
  EXPECT_TRUE(publish("news", "1"));
}

std::string name(const testing::TestParamInfo<HarnessMaker>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(File, FileBrokerTest, testing::Values(kFile), name);

}  // namespace
}  // namespace holdfast::broker_test
