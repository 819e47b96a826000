#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/app/settings.h"
#include "gateway/import/import_pushpin.h"
#include "gateway/import/key_rules.h"
#include "gateway/import/pushpin_routes.h"

namespace holdfast::importing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// One import, and what became of it.
struct Import {
  Settings settings;
  OptionSet options;
  Imported imported{options};
  ImportedConfig made;

  explicit Import(const std::string& conf, const std::string& routes = "* test\n", std::vector<std::string> certificates = {}) {
    declare_all(options, settings);
    const auto read = [&](const std::string& path) -> Result<std::string> {
      if (path == "/p/pushpin.conf") return conf;
      if (path == "/p/routes") return routes;
      return fail(ErrorKind::not_found, path + ": cannot be read");
    };
    const auto list = [&](const std::string& folder) { return folder == "/p/runner/certs/" ? certificates : std::vector<std::string>{}; };
    made = import_pushpin({"/p/pushpin.conf", "", false}, read, list, imported).value();
  }

  std::string option(std::string_view key) const {
    std::string out;
    for (const auto& value : options.find(key)->get()) out += (out.empty() ? "" : ",") + value;
    return out;
  }
  const Note* note(std::string_view what) const {
    for (const Note& one : imported.notes()) {
      if (one.what == what) return &one;
    }
    return nullptr;
  }
  // "" when there is none.
  std::string kind(std::string_view what) const { return note(what) == nullptr ? "" : to_string(note(what)->kind); }
};

TEST(ImportPushpin, EveryRuleNamesAnOptionThatThereIs) {
  Settings settings;
  OptionSet options;
  declare_all(options, settings);
  for (const CarriedKey& rule : carried_keys()) EXPECT_NE(options.find(rule.option), nullptr) << rule.option;
}

TEST(ImportPushpin, CarriesValuesWithTheirUnits) {
  const Import i(
      "[runner]\nclient_buffer_size=4096\nlog_level=1\n[proxy]\nset_x_forwarded_protocol=true\nx_forwarded_for=truncate:0,append\n"
      "[handler]\nmessage_wait=1500\nid_cache_ttl=7\nmessage_rate=-1\nstats_report_interval=3\n");
  EXPECT_EQ(i.settings.edge.max_request_head, 4096u);
  EXPECT_EQ(i.option("log.level"), "warn");
  EXPECT_EQ(i.option("proxy.set_x_forwarded_proto"), "yes");
  EXPECT_EQ(i.option("proxy.x_forwarded_for"), "truncate:0,append");
  EXPECT_EQ(i.settings.delivery.reorder_wait, Duration(1500));
  EXPECT_EQ(i.settings.delivery.id_cache_ttl, Duration(7000));
  EXPECT_EQ(i.option("delivery.rate"), "0");
  EXPECT_EQ(i.option("control.zmq.report_interval"), "3s");
}

TEST(ImportPushpin, WhatIsNotGivenIsAsInPushpin) {
  const Import i("");
  EXPECT_EQ(i.option("proxy.signing.issuer"), "");
  EXPECT_EQ(i.option("proxy.signing.key"), "");
  EXPECT_EQ(i.option("proxy.set_x_forwarded_proto"), "no");
  EXPECT_EQ(i.option("delivery.id_cache_ttl"), "0s");
  EXPECT_EQ(i.option("control.http.address"), "");
  EXPECT_EQ(i.option("hold.rerequest"), "always");
  EXPECT_EQ(i.option("websocket.compression.enabled"), "false");
  EXPECT_EQ(i.kind("runner.http_port"), "lost");  // nobody could connect
}

TEST(ImportPushpin, NamesWhatItCannotCarry) {
  const Import i(
      "[handler]\nstate_spec=tcp://127.0.0.1:1\nshare_all=true\n[runner]\nlogdir=log\n[proxy]\nlog_from=false\nlog_user_agent=true\n"
      "intreq_in_specs=ipc://x\ndebgu=true\n[global]\nstats_connection_send=false\n");
  EXPECT_EQ(i.kind("handler.state_spec"), "lost");
  EXPECT_EQ(i.note("handler.state_spec")->where, "pushpin.conf:2");
  EXPECT_EQ(i.kind("handler.share_all"), "lost");
  EXPECT_EQ(i.kind("runner.logdir"), "replaced");
  EXPECT_EQ(i.kind("proxy.log_from"), "replaced");
  EXPECT_EQ(i.kind("proxy.log_user_agent"), "lost");
  EXPECT_EQ(i.kind("proxy.intreq_in_specs"), "replaced");
  EXPECT_EQ(i.kind("global.stats_connection_send"), "lost");
  EXPECT_EQ(i.kind("proxy.debgu"), "warning");
  EXPECT_THAT(i.note("proxy.debgu")->text, HasSubstr("proxy.debug"));
  EXPECT_THAT(i.made.yaml, HasSubstr("#   handler.state_spec (pushpin.conf:2): there is no session store"));
}

TEST(ImportPushpin, AValueThatAnOptionRefusesIsNamed) {
  const Import i("[runner]\nclient_buffer_size=100\n[handler]\nmessage_hwm=many\n");
  EXPECT_EQ(i.kind("runner.client_buffer_size"), "lost");
  EXPECT_THAT(i.note("runner.client_buffer_size")->text, HasSubstr("edge.max_request_head does not take this value: must be between"));
  EXPECT_EQ(i.kind("handler.message_hwm"), "lost");
}

TEST(ImportPushpin, OpenDoorsStayOpenAndAreNamed) {
  const Import i("[handler]\npush_in_http_addr=0.0.0.0\npush_in_http_port=5561\npush_in_spec=tcp://*:5560\n[global]\nport_offset=1\n");
  EXPECT_EQ(i.option("control.http.address"), "0.0.0.0:5562");
  EXPECT_TRUE(i.settings.control.allow_anonymous);
  EXPECT_EQ(i.kind("handler.push_in_http_addr"), "warning");
  EXPECT_EQ(i.option("control.zmq.pull"), "tcp://*:5561");
  EXPECT_TRUE(i.settings.zmq.allow_anonymous);
  EXPECT_FALSE(Import("[handler]\npush_in_spec=tcp://127.0.0.1:5560\n").settings.zmq.allow_anonymous);
}

TEST(ImportPushpin, ListensWherePushpinDid) {
  const Import i(
      "[runner]\nhttp_port=7999,127.0.0.1:8000\nhttps_ports=443,444\nlocal_ports=/run/p.sock?mode=660&user=www\n", "* test\n",
      {"default_443.crt", "default_443.key", "a.example.crt", "a.example.key", "lonely.crt", "default_8443.crt", "default_8443.key"});
  EXPECT_THAT(i.made.yaml, HasSubstr("listen:\n  - address: \"0.0.0.0:7999\"  # runner.http_port\n  - address: \"127.0.0.1:8000\""));
  EXPECT_THAT(i.made.yaml, HasSubstr("  - address: \"0.0.0.0:443\"  # runner.https_ports\n    tls:\n"
                                     "      - {cert: /p/runner/certs/default_443.crt, key: /p/runner/certs/default_443.key}\n"
                                     "      - {cert: /p/runner/certs/a.example.crt, key: /p/runner/certs/a.example.key}\n"));
  EXPECT_THAT(i.made.yaml, Not(HasSubstr("lonely")));
  EXPECT_THAT(i.made.yaml, HasSubstr("  - address: \"unix:/run/p.sock\"  # runner.local_ports\n    mode: \"660\"\n"));
  EXPECT_EQ(i.kind("runner.local_ports"), "lost");  // user=
  EXPECT_EQ(Import("[runner]\nhttps_ports=443\n").kind("runner.https_ports"), "lost");
}

struct Routes {
  Settings settings;
  OptionSet options;
  Imported imported{options};
  RoutesYaml made;
  explicit Routes(std::string_view text) : made(routes_yaml(text, "routes", imported)) {}
};

TEST(ImportRoutes, WritesWhatALineSays) {
  const Routes r("# first\napp.test,path_beg=/x,debug,header=\"A: b, c\",header=D: a:1,over_http,sub=one,sub=two b:2 # why\n\n");
  EXPECT_EQ(r.made.count, 1u);
  EXPECT_EQ(r.made.yaml,
            "\nroutes:\n  # routes:2\n  - domain: app.test\n    path_begins: /x\n    debug: true\n    headers: [\"A: b, c\", \"D:\"]\n    "
            "targets:\n"
            "      - address: \"a:1\"\n        over_http: true\n        subscribe: [one, two]\n      - address: \"b:2\"\n");
  EXPECT_TRUE(r.imported.notes().empty());
}

TEST(ImportRoutes, ReadsMistakesAsPushpinDoes) {
  const Routes r(
      "a.test,nonsense=1 a:1\na.test b:1\nb.test,path_beg=/x,path_beg=/y b:1\nc.test,debug=no c:1\nd.test,proto=ftp d:1\nlonely\n,prefix=p "
      "e:1\n");
  EXPECT_EQ(r.made.count, 3u);
  std::vector<std::string> notes;
  for (const Note& note : r.imported.notes()) notes.push_back(note.what + " " + to_string(note.kind));
  EXPECT_EQ(notes, (std::vector<std::string>{"routes:1 warning", "routes:2 warning", "routes:3 warning", "routes:4 warning",
                                             "routes:5 lost", "routes:6 lost", "routes:7 lost"}));
  EXPECT_THAT(r.made.yaml, HasSubstr("path_begins: /y"));
  EXPECT_THAT(r.made.yaml, Not(HasSubstr("b:1\n  - domain: a.test")));
}

TEST(ImportRoutes, AZhttpTargetIsLeftOutAndNamed) {
  const Routes r("a.test zhttp/ipc:///x b:1\nb.test zhttp/ipc:///x\nc.test zhttpreq/tcp://127.0.0.1:9\n");
  EXPECT_EQ(r.made.count, 2u);
  ASSERT_EQ(r.imported.notes().size(), 3u);  // b.test has no target left
  EXPECT_EQ(r.imported.notes()[0].what, "routes:1");
  EXPECT_THAT(r.made.yaml, HasSubstr("zhttpreq/tcp://127.0.0.1:9"));
}

TEST(ImportPushpin, CommentsKeepTheirLines) {
  EXPECT_EQ(comment("# ", "a\nb"), "# a b\n");
  const std::string wrapped = comment("#   ", std::string(90, 'x') + " " + std::string(90, 'y'));
  EXPECT_EQ(wrapped, "#   " + std::string(90, 'x') + "\n#   " + std::string(90, 'y') + "\n");
}

}  // namespace
}  // namespace holdfast::importing
