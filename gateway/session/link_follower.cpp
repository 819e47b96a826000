#include "gateway/session/link_follower.h"

#include "gateway/base/log.h"
#include "gateway/session/proxy_session.h"

namespace holdfast {

namespace {

constexpr int kMaxAttempts = 5;

struct LinkRequest {
  Gateway& gateway;
  const Route& route;
  size_t target;
  bool secure;
  const std::string& host;
  const std::string& base_uri;
};

// The request for a link, and the URI it is for (what the next relative link is resolved against).
Result<std::pair<UpstreamRequest, std::string>> make_request(const LinkRequest& link, std::string_view method, std::string_view uri,
                                                             const std::vector<std::pair<std::string, std::string>>& last_ids) {
  auto resolved = resolve_link(link.secure, link.host, link.base_uri, uri);
  if (!resolved) return fail(resolved.error());
  const Target& target = link.route.targets[link.target];
  UpstreamRequest request;
  request.head = link_head(link.gateway.rules(), link.route, target, link.gateway.route_key(link.route), method, resolved->host,
                           resolved->path_and_query, last_ids, link.gateway.wall());
  if (resolved->internal) {
    request.endpoints.push_back(endpoint_of(target, request.head.headers.get("Host")));
  } else {
    // Somewhere else, on a backend's word: public addresses only.
    Target other;
    other.tls = resolved->tls;
    other.untrusted = true;
    const size_t colon = resolved->host.rfind(':');
    const bool has_port = colon != std::string::npos && resolved->host.find(']', colon) == std::string::npos;
    other.host = resolved->host.substr(0, has_port ? colon : std::string::npos);
    other.port = has_port ? static_cast<uint16_t>(parse_uint(resolved->host.substr(colon + 1)).value_or(0)) : resolved->tls ? 443 : 80;
    request.head.target = resolved->path_and_query;
    request.head.headers.set("Host", resolved->host);
    request.endpoints.push_back(endpoint_of(other, resolved->host));
  }
  return std::pair{std::move(request), std::move(resolved->path_and_query)};
}

}  // namespace

LinkFollower::LinkFollower(StreamHold& hold, std::string uri, std::vector<std::pair<std::string, std::string>> last_ids)
    : hold_(hold), uri_(std::move(uri)), last_ids_(std::move(last_ids)) {
  timer_.set_callback([this] { fetch(); });
}

void LinkFollower::start(Duration delay) {
  // Even at once means later: the hold is in the middle of something.
  hold_.gateway_.timers().set_in(timer_, delay);
}

void LinkFollower::resume() {
  if (call_) call_->resume();
}

void LinkFollower::fetch() {
  auto& links = *hold_.links_;
  began_ = hold_.gateway_.wall();
  links.asked = hold_.now();
  auto request = make_request({hold_.gateway_, *links.route, links.target, links.secure, links.host, links.uri}, "GET", uri_, last_ids_);
  if (!request) return hold_.end("bad next link: " + request.error().text);
  call_ = hold_.gateway_.upstream().request(std::move(request->first), *this);
}

void LinkFollower::on_head(ResponseHead head, BodyFraming) {
  if (head.status < 200 || head.status > 299) return retry("status " + std::to_string(head.status));
  // Instructions come in headers only here: a body of their type is content like any other.
  head.headers.remove("Content-Type");
  auto instruct = parse_instruct(head.status, head.reason, head.headers, std::nullopt);
  if (!instruct) {
    hold_.gateway_.counts.bad_instructs.add();
    log::warn("a backend's instructions are wrong", {{"route", hold_.links_->route->where}, {"reason", instruct.error().text}});
    return hold_.end("Failed to parse accept instructions: " + instruct.error().text);
  }
  instruct_ = std::move(*instruct);
  std::vector<std::string> filters;
  for (const auto& channel : instruct_.channels) filters.insert(filters.end(), channel.filters.begin(), channel.filters.end());
  if (changes_content(filters)) filter_ = std::make_unique<ReplyFilter>(filters, hold_.channels_.context(nullptr, 0));
}

void LinkFollower::write(Bytes piece) {
  sent_ = sent_ || !piece.empty();
  if (hold_.exchange_->write(std::move(piece)) == WriteResult::full && call_) call_->pause();
  hold_.last_write_ = hold_.now();
}

void LinkFollower::on_body(Bytes piece) {
  if (!filter_) return write(std::move(piece));
  auto filtered = filter_->feed(piece.view());
  if (!filtered) return hold_.end(filtered.error().text);
  write(Bytes(std::move(*filtered)));
}

void LinkFollower::on_end() {
  if (filter_) {
    auto rest = filter_->finish();
    if (rest) write(Bytes(std::move(*rest)));
  }
  auto& links = *hold_.links_;
  if (auto resolved = resolve_link(links.secure, links.host, links.uri, uri_); resolved && resolved->internal)
    links.uri = resolved->path_and_query;
  links.active = hold_.now();
  auto& hold = hold_;
  const Instruct instruct = std::move(instruct_);
  const WallTime began = began_;
  const auto self = std::move(links.follower);  // the hold may start another one, or end
  hold.apply(instruct, began);
}

void LinkFollower::on_error(UpstreamError error, const std::string& text) { retry(std::string(to_string(error)) + ": " + text); }

void LinkFollower::retry(const std::string& reason) {
  call_.reset();
  if (sent_ || attempts_ >= kMaxAttempts) return hold_.end("Next link failed: " + reason);
  filter_.reset();
  hold_.gateway_.timers().set_in(timer_, Duration(1000 << attempts_) + hold_.gateway_.jitter(Duration(1000)));
  ++attempts_;
}

namespace {

class GonePost final : public Session, UpstreamHandler {
 public:
  GonePost(Gateway& gateway, std::shared_ptr<const RouteTable> table) : gateway_(gateway), table_(std::move(table)) {}
  void send(UpstreamRequest request) { call_ = gateway_.upstream().request(std::move(request), *this); }

 private:
  void on_send_ready() override {}
  void on_head(ResponseHead head, BodyFraming) override {
    if (head.status < 200 || head.status > 299) log::debug("a gone link was refused", {{"status", head.status}});
  }
  void on_body(Bytes) override {}
  void on_end() override { gateway_.finish(*this); }
  void on_error(UpstreamError error, const std::string& text) override {
    log::debug("a gone link could not be posted", {{"error", to_string(error)}, {"reason", text}});
    gateway_.finish(*this);
  }

  Gateway& gateway_;
  std::shared_ptr<const RouteTable> table_;
  std::unique_ptr<UpstreamCall> call_;
};

}  // namespace

void post_gone(Gateway& gateway, const Route& route, std::shared_ptr<const RouteTable> table, size_t target, bool secure,
               const std::string& host, const std::string& base_uri, const std::string& link) {
  auto request = make_request({gateway, route, target, secure, host, base_uri}, "POST", link, {});
  if (!request) return;
  request->first.body = {Framing::none, 0};
  gateway.adopt(std::make_unique<GonePost>(gateway, std::move(table))).send(std::move(request->first));
}

}  // namespace holdfast
