#include "examples/custom-broker/shared_file.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <random>
#include <sys/file.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#include "adapters/support/errors.h"

namespace holdfast {

namespace {

// What the file begins with. Numbers are in the machine's byte order, since the file does not leave it.
struct FileHead {
  char kind[8] = {'h', 'o', 'l', 'd', 'f', 'a', 's', 't'};
  uint64_t epoch = 0;
  bool is_ours() const { return std::memcmp(kind, FileHead().kind, sizeof kind) == 0 && epoch != 0; }
};

// What a record begins with. The three texts follow.
struct RecordHead {
  int64_t time;
  uint64_t channel, key, envelope;
};

tl::unexpected<Error> cannot(const char* what) {
  return unavailable(std::string("the file cannot be ").append(what).append(": ").append(std::strerror(errno)));
}

std::string to_text(const SharedFile::Record& record) {
  const auto& [channel, envelope, key] = record.message;
  const RecordHead head{record.time.time_since_epoch().count(), channel.size(), key.size(), envelope.size()};
  std::string text(reinterpret_cast<const char*>(&head), sizeof head);
  return text.append(channel).append(key).append(envelope.view());
}

// Takes the first record from the text; nullopt if it is not there to its end.
std::optional<SharedFile::Record> take_record(std::string_view& text) {
  RecordHead head;
  if (text.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, text.data(), sizeof head);
  if (text.size() - sizeof head < head.channel + head.key + head.envelope) return std::nullopt;
  text.remove_prefix(sizeof head);
  const auto next = [&text](uint64_t size) {
    std::string part(text.substr(0, size));
    text.remove_prefix(size);
    return part;
  };
  SharedFile::Record record;
  record.time = WallTime(WallTime::duration(head.time));
  record.message.channel = next(head.channel);
  record.message.idempotency_key = next(head.key);
  record.message.envelope = Bytes(next(head.envelope));
  return record;
}

}  // namespace

SharedFile::Lock::~Lock() {
  if (fd_ >= 0) ::close(fd_);  // which unlocks
}

Result<SharedFile::Lock> SharedFile::lock() const {
  for (;;) {
    Lock lock(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (lock.fd() < 0 || ::flock(lock.fd(), LOCK_EX) != 0) return cannot("opened");
    struct stat opened{};
    struct stat named{};
    if (::fstat(lock.fd(), &opened) != 0) return cannot("read");
    // Otherwise it was deleted while this waited, and what is written to it would be lost.
    if (::stat(path_.c_str(), &named) == 0 && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev) return lock;
  }
}

Result<SharedFile::News> SharedFile::read_on(const Lock& lock) {
  struct stat now{};
  FileHead head;
  if (::fstat(lock.fd(), &now) != 0 || ::pread(lock.fd(), &head, sizeof head, 0) < 0) return cannot("read");
  auto size = static_cast<uint64_t>(now.st_size);
  if (size > 0 && !head.is_ours()) return unavailable("the file is of another kind");
  if (size == 0 || (head.epoch == epoch_ && size < end_)) {
    // New, emptied or cut: nothing can be proven to continue what was read of it.
    std::random_device random;
    head.epoch = (static_cast<uint64_t>(random()) << 32) | random() | 1;
    size = sizeof head;
    if (::ftruncate(lock.fd(), 0) != 0 || ::pwrite(lock.fd(), &head, size, 0) != sizeof head) return cannot("written");
  }
  if (std::exchange(epoch_, head.epoch) != head.epoch) end_ = sizeof head;

  std::string text(size - end_, '\0');
  if (::pread(lock.fd(), text.data(), text.size(), static_cast<off_t>(end_)) != static_cast<ssize_t>(text.size())) return cannot("read");
  News news{head.epoch, {}};
  std::string_view rest = text;
  while (auto record = take_record(rest)) news.records.push_back(std::move(*record));
  const uint64_t end = size - rest.size();
  // The writer of what is left did not get further, and told nobody that it was published.
  if (!rest.empty() && ::ftruncate(lock.fd(), static_cast<off_t>(end)) != 0) return cannot("written");
  end_ = end;
  return news;
}

Result<void> SharedFile::append(const Lock& lock, const Record& record) {
  const std::string text = to_text(record);
  if (::pwrite(lock.fd(), text.data(), text.size(), static_cast<off_t>(end_)) == static_cast<ssize_t>(text.size())) return {};
  return cannot("written");  // a part of a record is cut away by whoever reads next
}

}  // namespace holdfast
