#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "gateway/broker/broker.h"

namespace holdfast {

// The thread on which a broker's completions run, in the order in which they were added. Threads: any.
// Cost: the thread is woken only when it sleeps; under load it takes all that wait at once.
class Completions {
 public:
  Completions();
  ~Completions();  // runs what is left
  Completions(const Completions&) = delete;
  Completions& operator=(const Completions&) = delete;

  void add(std::function<void()> call);
  // Publishing is the hot path: no function object is made around the caller's.
  void add(Broker::ReceiptsDone done, std::vector<Result<PublishReceipt>> receipts);
  // Returns when everything added before has run. From the thread itself it returns at once.
  void drain();

 private:
  struct Work {
    std::function<void()> call;
    Broker::ReceiptsDone done;
    std::vector<Result<PublishReceipt>> receipts;
  };
  void add(Work work);
  void run();

  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<Work> waiting_;
  bool asleep_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace holdfast
