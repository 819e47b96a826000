#include "redis_server.h"

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <spawn.h>
#include <unistd.h>

#include "harness.h"
#include "tcp_gate.h"

extern char** environ;

namespace holdfast::broker_test {

std::string RedisServer::free_port() { return std::to_string(broker_test::free_port()); }

RedisServer::RedisServer(std::vector<std::string> options) : RedisServer(std::move(options), "") {}

std::unique_ptr<RedisServer> RedisServer::sentinel(const std::string& configuration) {
  return std::unique_ptr<RedisServer>(new RedisServer({}, configuration));
}

RedisServer::RedisServer(std::vector<std::string> options, const std::string& sentinel) : options_(std::move(options)) {
  char folder[] = "/tmp/holdfast-redis-XXXXXX";
  if (::mkdtemp(folder) == nullptr) throw std::runtime_error("mkdtemp");
  folder_ = folder;
  port_ = free_port();
  address_ = "127.0.0.1:" + port_;
  for (size_t i = 0; i + 1 < options_.size(); ++i) {
    if (options_[i] == "--requirepass") password_ = options_[i + 1];
  }
  if (!sentinel.empty()) {
    sentinel_ = folder_ + "/sentinel.conf";
    std::ofstream(sentinel_) << "port " << port_ << "\nbind 127.0.0.1\n" << sentinel;
  }
  start();
}

RedisServer::~RedisServer() {
  kill();
  std::filesystem::remove_all(folder_);
}

void RedisServer::start() {
  std::vector<std::string> words{"redis-server", sentinel_, "--sentinel"};
  if (sentinel_.empty()) {
    words = {"redis-server", "--port", port_, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder_};
  }
  words.insert(words.end(), options_.begin(), options_.end());
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  // Who waits for the end of this program's output is not to wait for a server that outlives its crash.
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  const int failed = ::posix_spawnp(&process_, "redis-server", &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  output_ = ends[0];
  if (failed != 0) throw std::runtime_error("redis-server cannot be started: is it installed?");
  if (!says(sentinel_.empty() ? "Ready to accept connections" : "Sentinel ID is")) throw std::runtime_error("redis-server does not start");
}

bool RedisServer::says(const std::string& text) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (;;) {
    for (size_t end; (end = printed_.find('\n')) != std::string::npos;) {
      const bool found = printed_.find(text) < end;
      printed_.erase(0, end + 1);
      if (found) return true;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd wait{output_, POLLIN, 0};
    if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) <= 0) return false;
    char buffer[4096];
    const ssize_t count = ::read(output_, buffer, sizeof buffer);
    if (count <= 0) return false;
    printed_.append(buffer, static_cast<size_t>(count));
  }
}

void RedisServer::kill() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
  ::close(output_);
  printed_.clear();
}

void RedisServer::pause() { ::kill(process_, SIGSTOP); }
void RedisServer::resume() { ::kill(process_, SIGCONT); }

void RedisServer::FreeReply::operator()(redisReply* reply) const { ::freeReplyObject(reply); }

std::unique_ptr<redisReply, RedisServer::FreeReply> RedisServer::ask(const std::vector<std::string>& arguments) const {
  const auto free = [](redisContext* context) { ::redisFree(context); };
  const std::unique_ptr<redisContext, decltype(free)> context(::redisConnect("127.0.0.1", std::stoi(port_)), free);
  if (!context || context->err != 0) return nullptr;
  if (!password_.empty()) ::freeReplyObject(::redisCommand(context.get(), "AUTH %s", password_.c_str()));
  std::vector<const char*> words;
  std::vector<size_t> sizes;
  for (const auto& argument : arguments) {
    words.push_back(argument.data());
    sizes.push_back(argument.size());
  }
  return std::unique_ptr<redisReply, FreeReply>(
      static_cast<redisReply*>(::redisCommandArgv(context.get(), static_cast<int>(words.size()), words.data(), sizes.data())));
}

std::string RedisServer::command(const std::vector<std::string>& arguments) const {
  const auto reply = ask(arguments);
  if (!reply) return {};
  if (reply->type == REDIS_REPLY_INTEGER) return std::to_string(reply->integer);
  return reply->str == nullptr ? "?" : std::string(reply->str, reply->len);
}

bool RedisServer::wait_for_replica() const {
  const auto number_after = [this](const std::string& word) {
    const auto info = command({"INFO", "replication"});
    const size_t at = info.find(word);
    return at == std::string::npos ? 0 : std::strtoull(info.c_str() + at + word.size(), nullptr, 10);
  };
  const auto written = number_after("master_repl_offset:");
  return eventually([&] { return number_after("state=online,offset=") >= written; });
}

std::vector<std::string> RedisServer::list(const std::vector<std::string>& arguments) const {
  std::vector<std::string> out;
  const auto reply = ask(arguments);
  for (size_t i = 0; reply && i < reply->elements; ++i) {
    if (const auto* text = reply->element[i]; text->str != nullptr) out.emplace_back(text->str, text->len);
  }
  return out;
}

}  // namespace holdfast::broker_test
