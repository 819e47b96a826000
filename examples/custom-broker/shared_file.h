#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/broker/broker.h"

namespace holdfast {

// One node's view of a file of publications that several nodes of a machine read and append to.
// Threads: one. Other views of the file may be anybody's.
class SharedFile {
 public:
  explicit SharedFile(std::string path) : path_(std::move(path)) {}

  // While it lives nobody else reads or writes.
  class Lock {
   public:
    explicit Lock(int fd) : fd_(fd) {}
    ~Lock();
    Lock(Lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Lock& operator=(Lock&&) = delete;
    int fd() const { return fd_; }

   private:
    int fd_;
  };
  // Errors: unavailable. Makes the file if there is none.
  Result<Lock> lock() const;

  struct Record {
    WallTime time;  // of the writer's clock
    PublishRequest message;
  };
  struct News {
    uint64_t epoch = 0;  // random, written when the file begins: another one means that nothing continues what was read before
    std::vector<Record> records;
  };
  // Everything since the last call, or since the beginning if the file is a new one. Errors: unavailable.
  Result<News> read_on(const Lock& lock);
  // Wants all that was there to be read. Errors: unavailable (not appended).
  Result<void> append(const Lock& lock, const Record& record);

 private:
  std::string path_;
  uint64_t epoch_ = 0;  // 0: nothing read yet
  uint64_t end_ = 0;    // of what was read
};

}  // namespace holdfast
