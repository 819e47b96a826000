#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/base/text.h"
#include "gateway/config/config_file.h"
#include "gateway/config/reference.h"
#include "tests/unit/config_support.h"

namespace holdfast {
namespace {

using test::kStructuralKeys;
using test::Sample;
using test::SampleOptions;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<StructureHelp> kHelp = {
    {"listen", "Addresses of the edge.", "listen:\n  - address: \"*:7999\"\n    tls: {cert: a.pem, key: a.key}\n"}};

class ReferenceTest : public testing::Test {
 protected:
  LoadedConfig load(const std::string& yaml) {
    return load_config({folder_.write("reference.yaml", yaml), {}, {}}, kStructuralKeys, sample_.set);
  }
  // "#key: value" becomes "key: value"; "# sentence" stays.
  static std::string uncommented(const std::string& yaml) {
    std::string out;
    for (const std::string_view line : split(yaml, '\n')) {
      const size_t mark = line.find_first_not_of(' ');
      const bool is_value = mark != std::string_view::npos && line[mark] == '#' && mark + 1 < line.size() && line[mark + 1] != ' ';
      const bool is_deeper_example = line.starts_with("#  ") && mark == 0;
      if (is_value || is_deeper_example) {
        out.append(line.substr(0, mark)).append(line.substr(mark + 1));
      } else {
        out.append(line);
      }
      out.push_back('\n');
    }
    return out;
  }

  const test::TempFolder folder_;
  Sample sample_;
};

TEST_F(ReferenceTest, AsItStandsItEqualsTheDefaults) {
  const auto loaded = load(reference_yaml(sample_.set, kHelp));
  EXPECT_THAT(loaded.problems, IsEmpty());
  EXPECT_THAT(loaded.structures, IsEmpty());
  EXPECT_EQ(sample_.options, SampleOptions());
}

TEST_F(ReferenceTest, EveryValueUncommentedIsValidAndStillTheDefault) {
  const std::string yaml = uncommented(reference_yaml(sample_.set, kHelp));
  const auto loaded = load(yaml);
  EXPECT_THAT(loaded.problems, IsEmpty()) << yaml;
  EXPECT_EQ(loaded.structures.size(), 1u);
  EXPECT_EQ(sample_.options, SampleOptions());
  const auto file = parse_config(yaml, "f.yaml");
  for (const Option& option : sample_.set.options()) {
    const ConfigNode* at = &file.root;
    for (const std::string_view name : split(option.key, '.')) at = at == nullptr ? nullptr : at->find(name);
    EXPECT_NE(at, nullptr) << option.key;
  }
}

TEST_F(ReferenceTest, SaysAllThatIsDeclared) {
  const std::string yaml = reference_yaml(sample_.set, kHelp);
  EXPECT_THAT(yaml, HasSubstr("edge:\n"
                              "  # Certificate file.\n"
                              "  # Path. Needs a restart.\n"
                              "  #cert: \"\"\n"
                              "\n"
                              "  # Largest request line and header block.\n"
                              "  # Size, 1KiB to 64KiB. Needs a restart.\n"
                              "  #max_head: 16KiB\n"
                              "\n"
                              "  # Closes a kept-alive connection without a request.\n"
                              "  # Time, 1s to 1h. Takes effect on reload.\n"
                              "  #idle_timeout: 75s\n"
                              "\n"
                              "  # Most connections.\n"
                              "  # Whole number (of one loop), 1 to 1000. Takes effect on reload.\n"
                              "  #connections: 100\n"));
  EXPECT_THAT(yaml, HasSubstr("# One of: debug, info, warn. Takes effect on reload.\n#log_level: info\n"));
  EXPECT_THAT(yaml, HasSubstr("\n# Addresses of the edge.\n#listen:\n#  - address: \"*:7999\"\n"));
}

TEST_F(ReferenceTest, LinesAreShort) {
  for (const std::string_view line : split(reference_yaml(sample_.set, kHelp), '\n')) EXPECT_LE(line.size(), 100u) << line;
}

TEST_F(ReferenceTest, DoesNotDependOnPresentValues) {
  const std::string yaml = reference_yaml(sample_.set, kHelp);
  const std::string table = reference_markdown(sample_.set);
  sample_.options.connections = 5;
  sample_.options.tokens = {"hunter2"};
  EXPECT_EQ(reference_yaml(sample_.set, kHelp), yaml);
  EXPECT_EQ(reference_markdown(sample_.set), table);
}

TEST_F(ReferenceTest, TableHasOneRowForEachOption) {
  const std::string table = reference_markdown(sample_.set);
  EXPECT_EQ(split(table, '\n').size(), sample_.set.options().size() + 3);
  EXPECT_THAT(table, HasSubstr("| `edge.max_head` | Largest request line and header block. | Size, 1KiB to 64KiB | `16KiB` | restart |\n"));
  EXPECT_THAT(table, HasSubstr("| `log_level` | What is logged. | One of: debug, info, warn | `info` | yes |\n"));
}

TEST_F(ReferenceTest, BarsDoNotBreakTheTable) {
  const std::string table = reference_markdown(sample_.set);
  EXPECT_THAT(table, HasSubstr("| Where publishers \\| scripts POST items. |"));
  EXPECT_THAT(table, HasSubstr("`[a.example, \"b\\|c\"]`"));
}

}  // namespace
}  // namespace holdfast
