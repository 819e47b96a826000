#include <cstdio>

#include "adapters/redis/redis_broker.h"
#include "adapters/redis/replies.h"
#include "adapters/redis/scripts.h"

namespace holdfast {

void RedisBroker::do_read(const std::string& channel, Position since, size_t limit, const PageDone& done, bool whole_script) {
  if (!commands_up_) return done(unavailable("the broker cannot be reached"));
  const std::string m = key('m', channel), h = key('h', channel), fresh = fresh_epoch();
  char epoch[17] = "";
  if (since.known()) std::snprintf(epoch, sizeof epoch, "%016llx", static_cast<unsigned long long>(since.epoch));
  const std::string offset = std::to_string(since.offset), most = std::to_string(limit);
  command({whole_script ? "EVAL" : "EVALSHA", whole_script ? kReadScript : read_sha_, "2", m, h, fence_, fresh, state_age_, epoch, offset,
           most},
          [this, channel, since, limit, done](const redisReply* reply) {
            if (reply == nullptr) return done(unavailable("the connection to the broker was lost"));
            if (is_error(reply)) {
              const std::string text(text_of(*reply));
              if (text.starts_with("NOSCRIPT")) return do_read(channel, since, limit, done, true);
              done(unavailable("Redis: " + text));
              if (needs_other_server(text)) lose(text);
              return;
            }
            const auto garbled = [&] { done(unavailable("Redis answers what was not asked")); };
            if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 || reply->element[2]->type != REDIS_REPLY_ARRAY) return garbled();
            HistoryPage page;
            auto text = text_of(*reply->element[0]);
            const auto top = take_position(text);
            if (!top) return garbled();
            page.top = *top;
            page.continuous = reply->element[1]->integer != 0;
            for (size_t i = 0; i < reply->element[2]->elements; ++i) {
              const redisReply* entry = reply->element[2]->element[i];
              if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || entry->element[1]->elements != 4) return garbled();
              auto id = text_of(*entry->element[0]);
              const auto number = parse_uint(id.substr(0, id.find('-')));
              const auto ms = parse_uint(text_of(*entry->element[1]->element[1]));
              if (!number || *number == 0 || !ms) return garbled();
              auto publication = std::make_shared<Publication>();
              publication->channel = channel;
              publication->position = {top->epoch, *number};
              publication->previous = {top->epoch, *number - 1};
              publication->time = wall_of(*ms);
              publication->envelope = Bytes::copy(text_of(*entry->element[1]->element[3]));
              page.publications.push_back(std::move(publication));
            }
            done(std::move(page));
          });
}

}  // namespace holdfast
