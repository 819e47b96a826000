#include <algorithm>
#include <utility>

#include "gateway/hub/shard_state.h"

namespace holdfast {

namespace {
constexpr size_t kProofPage = 1000;
constexpr size_t kMostForProof = 10'000;
}  // namespace

struct HubShard::State::Proof {
  std::string channel;
  std::string prev_id;
  WallTime since_time;
  std::function<void(Continuity)> done;
  bool silence = false;  // this loop has listened since before the backend was asked, and nothing came
  std::vector<PublicationPtr> kept;
  Position top;

  Continuity judge() const {
    Continuity out;
    bool has_ids = false;
    // From the newest: a backend that is up to date is found at once.
    for (size_t i = kept.size(); i > 0 && !prev_id.empty(); --i) {
      const auto item = decode_item(*kept[i - 1]);
      if (!item) return out;
      if (item->id && *item->id == prev_id) {
        out.proven = true;
        out.missed.assign(kept.begin() + static_cast<std::ptrdiff_t>(i), kept.end());
        return out;
      }
      has_ids = has_ids || item->id.has_value();
    }
    // Messages without ids that were there before the backend was asked cannot contradict it. If nothing is kept although there was
    // something, nobody knows when that was, but for a loop that would have seen it.
    const bool newer = std::any_of(kept.begin(), kept.end(), [&](const PublicationPtr& p) { return p->time >= since_time; });
    out.proven = !newer && !has_ids && !(kept.empty() && top.offset > 0 && !silence);
    return out;
  }
};

void HubShard::prove(std::string_view name, std::string prev_id, WallTime since_time, std::function<void(Continuity)> done) {
  auto proof = std::make_shared<State::Proof>();
  proof->channel = name;
  proof->prev_id = std::move(prev_id);
  proof->since_time = since_time;
  proof->done = std::move(done);

  const HubChannel* channel = state_->find(name);
  if (channel != nullptr && channel->phase == HubChannel::Phase::live && !channel->sequence.waits() && state_->hub.healthy()) {
    const auto& last_id = channel->sequence.last_id();
    const bool knows_newest = last_id && *last_id == proof->prev_id && channel->sequence.newest_is_last();
    proof->silence = channel->live_since <= since_time && channel->last_time < since_time;
    // What came before that, and whose id is not the backend's or not remembered, may be what the backend has not heard of yet.
    const bool nothing_else = proof->prev_id.empty() || (last_id && *last_id == proof->prev_id) || channel->last_time < channel->live_since;
    if (knows_newest || (proof->silence && nothing_else)) return state_->answer(std::move(proof), {true, {}});
  }
  if (state_->history() == nullptr) return state_->answer(std::move(proof), {});
  state_->read_for_proof(std::move(proof), {});
}

void HubShard::State::answer(std::shared_ptr<Proof> proof, Continuity continuity) {
  door->send([guard = std::weak_ptr<char>(alive), proof = std::move(proof), continuity = std::move(continuity)]() mutable {
    if (guard.lock()) proof->done(std::move(continuity));
  });
}

void HubShard::State::read_for_proof(std::shared_ptr<Proof> proof, Position since) {
  const std::string channel = proof->channel;
  history()->read(channel, since, kProofPage,
                  [this, way = door, guard = std::weak_ptr<char>(alive), proof, since](Result<HistoryPage> page) {
                    way->send([this, guard, proof, since, page = std::move(page)] {
                      if (!guard.lock()) return;
                      if (!page || (since.known() && !page->continuous)) return proof->done({});
                      proof->top = page->top;
                      proof->kept.insert(proof->kept.end(), page->publications.begin(), page->publications.end());
                      if (page->publications.size() < kProofPage || proof->kept.back()->position == page->top) {
                        return proof->done(proof->judge());
                      }
                      if (proof->kept.size() >= kMostForProof) return proof->done({});
                      read_for_proof(proof, proof->kept.back()->position);
                    });
                  });
}

}  // namespace holdfast
