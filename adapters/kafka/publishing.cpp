#include <algorithm>
#include <utility>

#include "adapters/kafka/kafka_broker.h"
#include "adapters/support/errors.h"
#include "gateway/base/log.h"

namespace holdfast {

namespace {}  // namespace

// A publication needs its partition live: only then is the epoch of its position known. One with an idempotency key needs besides that all
// that was published before has been read, so that a key which another node took is known; and its receipt waits until it was read itself,
// since of two that were written at once only the first counts.

void KafkaBroker::do_publish(std::vector<PublishRequest> messages, const ReceiptsDone& done) {
  auto batch = std::make_shared<Batch>();
  batch->left = messages.size();
  batch->done = done;
  batch->receipts.resize(messages.size(), unavailable("not published"));
  if (messages.empty()) return done({});
  size_t index = 0;
  for (auto& request : messages) {
    auto message = std::make_unique<Message>();
    message->request = std::move(request);
    message->batch = batch;
    message->index = index++;
    message->deadline = clock_.now() + options_.timeout;
    message->partition = partition_of_channel(message->request.channel);
    if (message->request.channel.empty()) {
      answer(*message, invalid("a channel has a name"));
    } else if (message->request.envelope.size() > options_.max_message) {
      answer(*message, fail(ErrorKind::too_large, "larger than broker.kafka.max_message"));
    } else if (!running() || !healthy_ || message->partition == nullptr) {
      answer(*message, unavailable("the broker cannot be reached"));
    } else {
      auto& partition = *message->partition;
      need(partition);
      partition.held.push_back(std::move(message));
      pump(partition);
    }
  }
}

// Sends what may go, in order.
void KafkaBroker::pump(Partition& partition) {
  const auto& first = *partition.topic.partitions.front();  // knows how many there are
  for (const auto* needed : {&std::as_const(partition), &first}) {
    if (needed->state != Partition::State::live || needed->checking) return;
  }
  while (!partition.held.empty()) {
    auto& message = *partition.held.front();
    const auto& key = message.request.idempotency_key;
    if (!key.empty() && !message.cleared) {
      if (std::exchange(partition.held_asked, true)) return;
      for (auto& waiting : partition.held) waiting->asked = true;
      return add_barrier(partition, message.deadline, [this, &partition](bool reached) {
        partition.held_asked = false;
        for (auto& waiting : partition.held) {
          waiting->cleared = reached && waiting->asked;
          waiting->asked = false;
        }
        // If it was not reached in time, the deadline of the first has come.
        pump(partition);
      });
    }
    const auto used = key.empty() ? std::nullopt : partition.log.find_key(message.request.channel, key, clock_.wall());
    MessagePtr next = std::move(partition.held.front());
    partition.held.pop_front();
    if (used) {
      answer(*next, PublishReceipt{*used, true});
    } else {
      send(std::move(next));
    }
  }
}

void KafkaBroker::send(MessagePtr message) {
  auto& partition = *message->partition;
  const auto& request = message->request;
  auto* headers = publication_headers(request.idempotency_key);
  Message* const key = message.get();
  const auto error = rd_kafka_producev(
      producer_.get(), RD_KAFKA_V_RKT(partition.topic.producing.get()), RD_KAFKA_V_PARTITION(partition.id),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(request.channel.data(), request.channel.size()),
      RD_KAFKA_V_VALUE(const_cast<char*>(request.envelope.empty() ? "" : request.envelope.data()), request.envelope.size()),
      RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(key), RD_KAFKA_V_END);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    sent_.emplace(key, std::move(message));
    return;
  }
  rd_kafka_headers_destroy(headers);
  if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) return answer(*message, fail(ErrorKind::too_large, kafka_error(error)));
  answer(*message, unavailable(kafka_error(error)));
}

void KafkaBroker::send_mark(Partition& partition, const LogMark& mark) {
  auto message = std::make_unique<Message>();
  message->partition = &partition;
  message->deadline = clock_.now() + options_.timeout;
  auto* headers = mark_headers(mark);
  Message* const key = message.get();
  const auto error =
      rd_kafka_producev(producer_.get(), RD_KAFKA_V_RKT(partition.topic.producing.get()), RD_KAFKA_V_PARTITION(partition.id),
                        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(key), RD_KAFKA_V_END);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    sent_.emplace(key, std::move(message));
    return;
  }
  rd_kafka_headers_destroy(headers);
  partition.proposed = 0;
}

void KafkaBroker::on_delivered(const rd_kafka_message_t& report) {
  const auto found = sent_.find(static_cast<Message*>(report._private));
  if (found == sent_.end()) return;
  auto& message = *found->second;
  auto& partition = *message.partition;
  if (report.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    log::debug("Kafka did not take a record", {{"reason", kafka_error(report.err)}});
    if (!message.batch) {
      // A founding is tried again, a repeat comes around.
      partition.proposed = 0;
      if (running() && partition.topic.count == 0) {
        lose("topic '" + partition.topic.name + "' cannot be written: " + kafka_error(report.err));
      }
    } else if (report.err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
      answer(message, fail(ErrorKind::too_large, kafka_error(report.err)));
    } else {
      answer(message, unavailable("it may have been published: " + kafka_error(report.err)));
      probe_at_ = clock_.now();
    }
    sent_.erase(found);
    return;
  }
  if (!message.batch || message.answered) return void(sent_.erase(found));
  message.offset = report.offset;
  partition.acked = std::max(partition.acked, report.offset + 1);
  partition.used = clock_.now();
  // Without an epoch there is no position yet.
  if (message.request.idempotency_key.empty() && partition.state == Partition::State::live && !partition.checking) {
    answer(message, PublishReceipt{{partition.epoch.epoch(), static_cast<uint64_t>(report.offset) + 1}, false});
    sent_.erase(found);
    return;
  }
  partition.confirming.push_back(&message);
  confirm(partition);
}

// Those that have been read meanwhile, and those that waited too long for it.
void KafkaBroker::confirm(Partition& partition) {
  const bool readable = partition.state == Partition::State::live && !partition.checking;
  std::erase_if(partition.confirming, [&](Message* message) {
    if (!message->answered && (!readable || message->offset >= partition.consumed)) return false;
    if (!message->answered) {
      const auto& request = message->request;
      const Position own{partition.epoch.epoch(), static_cast<uint64_t>(message->offset) + 1};
      const auto first =
          request.idempotency_key.empty() ? std::nullopt : partition.log.find_key(request.channel, request.idempotency_key, clock_.wall());
      answer(*message, PublishReceipt{first.value_or(own), first && *first != own});
    }
    sent_.erase(message);
    return true;
  });
}

// What was written is gone with its log.
void KafkaBroker::give_up_confirming(Partition& partition) {
  for (auto* message : partition.confirming) answer(*message, unavailable("it was written, and the log was cut"));
  confirm(partition);
}

void KafkaBroker::expire_messages(TimePoint now) {
  for (auto& topic : topics_) {
    for (auto& partition : topic->partitions) {
      auto& held = partition->held;
      while (!held.empty() && now >= held.front()->deadline) {
        answer(*held.front(), unavailable("not published in time"));
        held.pop_front();
      }
      for (auto* message : partition->confirming) {
        if (now >= message->deadline && !message->answered) answer(*message, unavailable("it was written, and cannot be read yet"));
      }
      confirm(*partition);
    }
  }
  // librdkafka gives up by itself, but looks only once a second.
  for (auto& [key, message] : sent_) {
    if (message->batch && !message->answered && now >= message->deadline + Duration(1'500)) {
      answer(*message, unavailable("no answer in time: it may have been published"));
    }
  }
}

void KafkaBroker::answer(Message& message, Result<PublishReceipt> receipt) {
  if (!message.batch || std::exchange(message.answered, true)) return;
  const size_t size = message.request.envelope.size();
  waiting_bytes_ -= size;
  waiting_gauge_.sub(static_cast<int64_t>(size));
  auto& batch = *message.batch;
  batch.receipts[message.index] = std::move(receipt);
  if (--batch.left == 0) batch.done(std::move(batch.receipts));
}

// After a fatal error an idempotent producer takes nothing any more.
void KafkaBroker::renew_producer() {
  char text[256] = "";
  rd_kafka_fatal_error(producer_.get(), text, sizeof text);
  log::warn("the Kafka producer is made anew", {{"reason", text}});
  rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  const auto until = clock_.now() + Duration(500);
  while (rd_kafka_outq_len(producer_.get()) > 0 && clock_.now() < until) {
    const KafkaEvent event(rd_kafka_queue_poll(producer_queue_.get(), 50));
    if (!event || rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_DR) continue;
    while (const auto* report = rd_kafka_event_message_next(event.get())) on_delivered(*report);
  }
  for (auto& topic : topics_) {
    topic->producing.reset();
    for (auto& partition : topic->partitions) {
      partition->confirming.clear();
      partition->proposed = 0;
    }
  }
  for (auto& [key, message] : sent_) answer(*message, unavailable("it may have been published: the producer failed"));
  sent_.clear();
  rd_kafka_queue_io_event_enable(producer_queue_.get(), -1, nullptr, 0);
  producer_queue_.reset();
  producer_.reset();
  auto made = make_kafka(KafkaRole::producer, options_);
  if (!made) return;  // it was made before with the same options
  producer_ = std::move(*made);
  producer_queue_.reset(rd_kafka_queue_get_main(producer_.get()));
  const uint64_t one = 1;
  rd_kafka_queue_io_event_enable(producer_queue_.get(), inbox_.fd(), &one, sizeof one);
  for (auto& topic : topics_) {
    if (auto handle = make_kafka_topic(producer_.get(), topic->name, topic.get())) topic->producing = std::move(*handle);
  }
}

}  // namespace holdfast
