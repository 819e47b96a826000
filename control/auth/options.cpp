#include "control/auth/options.h"

#include <set>

namespace holdfast::control {

void declare(OptionSet& set, AuthOptions& o) {
  const OptionSet::Section section(set, "control.http");
  set.path("token_file", o.token_file,
           "File with one bearer token per line, read again when it changes; each may do everything, at every door.");
  set.text_list("tokens", o.tokens, "Such tokens given here instead of in a file.").secret();
}

std::vector<std::string> files_of(const AuthOptions& o) {
  std::set<std::string> all{o.token_file};
  for (const auto& caller : o.callers) all.insert(caller.token_file);
  for (const auto& issuer : o.issuers) all.insert({issuer.key_file, issuer.jwks_file});
  all.erase("");
  return {all.begin(), all.end()};
}

}  // namespace holdfast::control
