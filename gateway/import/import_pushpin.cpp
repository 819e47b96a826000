#include "gateway/import/import_pushpin.h"

#include "gateway/config/yaml_text.h"
#include "gateway/import/pushpin_keys.h"
#include "gateway/import/pushpin_routes.h"

namespace holdfast::importing {

namespace {

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string routes_path(const PushpinSource& source, const PushpinSettings& settings) {
  if (!source.routes.empty()) return source.routes;
  const std::string named = settings.text("proxy/routesfile", "routes");
  return named.starts_with('/') ? named : settings.folder() + named;
}

std::string notes_yaml(const std::vector<Note>& notes, Note::Kind kind, std::string_view heading) {
  std::string out;
  for (const Note& note : notes) {
    if (note.kind != kind) continue;
    if (out.empty()) out = "#\n" + comment("# ", heading);
    out += comment("#   ", note.what + (note.where.empty() ? "" : " (" + note.where + ")") + ": " + note.text);
  }
  return out;
}

}  // namespace

Result<ImportedConfig> import_pushpin(const PushpinSource& source, const ReadFile& read, const ListFolder& list, Imported& out) {
  const auto settings = PushpinSettings::load(source.config, read);
  if (!settings) return fail(settings.error());
  const std::string routes_file = routes_path(source, *settings);
  const auto routes_text = read(routes_file);
  if (!routes_text) return fail(routes_text.error());

  carry_keys(*settings, out);
  const std::string listen = listen_yaml(*settings, list, out);
  const RoutesYaml routes = routes_yaml(*routes_text, file_name(routes_file), out);
  if (routes.count == 0) out.note(Note::Kind::lost, file_name(routes_file), {}, "has no route: every request is answered 502");
  if (source.keep_routes) out.set("routes_file", {routes_file}, "proxy.routesfile", {});

  ImportedConfig all;
  all.routes = routes.count;
  all.yaml = comment("# ", "Made by holdfast import-pushpin from " + file_name(source.config) + " and " + file_name(routes_file) +
                               ". What stands after an option is the key that it was in pushpin.conf; what is not set here is as "
                               "config/reference.yaml says.");
  all.yaml += notes_yaml(out.notes(), Note::Kind::lost, "Not carried, and left to do:");
  all.yaml += notes_yaml(out.notes(), Note::Kind::warning, "Look at:");
  all.yaml += notes_yaml(out.notes(), Note::Kind::replaced, "Not needed here:");
  if (!listen.empty()) all.yaml += "\n" + listen;
  all.yaml += options_yaml(out);
  if (!source.keep_routes) all.yaml += routes.yaml;
  return all;
}

}  // namespace holdfast::importing
