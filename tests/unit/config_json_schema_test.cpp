#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/config/config_file.h"
#include "gateway/config/json_schema.h"
#include "tests/unit/config_support.h"

namespace holdfast {
namespace {

using test::Sample;
using testing::HasSubstr;
using testing::IsEmpty;

std::string schema_of(const OptionSet& set) { return json_schema(set, {{"listen", R"({"type": "array"})"}}); }

// JSON is YAML: the loader's own reader walks the schema.
const ConfigNode* at(const ConfigNode& root, const std::vector<const char*>& path) {
  const ConfigNode* node = &root;
  for (const char* name : path) {
    node = node->find("properties");
    if (node != nullptr) node = node->find(name);
    if (node == nullptr) return nullptr;
  }
  return node;
}

TEST(JsonSchemaTest, EveryOptionAndStructureHasAPlaceInIt) {
  const Sample sample;
  const auto file = parse_config(schema_of(sample.set), "schema.json");
  EXPECT_THAT(file.problems.texts(), IsEmpty());
  const std::vector<std::vector<const char*>> paths = {{"log_level"}, {"edge", "max_head"}, {"control", "http", "origins"}, {"listen"}};
  for (const auto& path : paths) EXPECT_NE(at(file.root, path), nullptr) << path.back();
}

TEST(JsonSchemaTest, StructuresStandInTheirSection) {
  const Sample sample;
  const auto file =
      parse_config(json_schema(sample.set, {{"control.auth.callers", R"({"type": "array"})"}, {"edge.more", R"({"type": "array"})"}}), "s");
  EXPECT_THAT(file.problems.texts(), IsEmpty());
  EXPECT_EQ(at(file.root, {"control", "auth", "callers"})->find("type")->text, "array");
  EXPECT_EQ(at(file.root, {"control", "auth"})->find("additionalProperties")->text, "false");
  EXPECT_EQ(at(file.root, {"edge", "more"})->find("type")->text, "array");
  EXPECT_NE(at(file.root, {"control", "http", "tokens"}), nullptr);
}

TEST(JsonSchemaTest, SectionsTakeNoOtherKeys) {
  const Sample sample;
  const auto file = parse_config(schema_of(sample.set), "schema.json");
  EXPECT_EQ(file.root.find("additionalProperties")->text, "false");
  EXPECT_EQ(at(file.root, {"control", "http"})->find("additionalProperties")->text, "false");
}

TEST(JsonSchemaTest, SaysTypeFormBoundsAndDefault) {
  const Sample sample;
  const std::string schema = schema_of(sample.set);
  EXPECT_THAT(schema, HasSubstr(R"("type": "string", "enum": ["debug", "info", "warn"], "default": "info"})"));
  EXPECT_THAT(schema, HasSubstr(R"("type": "integer", "minimum": 1, "maximum": 1000, "default": 100})"));
  EXPECT_THAT(schema, HasSubstr(R"("type": "boolean", "default": true})"));
  EXPECT_THAT(schema, HasSubstr(R"("minimum": 1024, "maximum": 65536, "default": "16KiB"})"));
  EXPECT_THAT(schema, HasSubstr(R"("items": {"type": "string"}, "default": ["a.example", "b|c"]})"));
  EXPECT_THAT(schema, HasSubstr("Largest request line and header block. Size, 1KiB to 64KiB. Needs a restart."));
}

TEST(JsonSchemaTest, BoundsOfTimesAreSecondsAsBareNumbersAre) {
  const Sample sample;
  EXPECT_THAT(schema_of(sample.set), HasSubstr(R"("minimum": 1, "maximum": 3600, "default": "75s"})"));
}

TEST(JsonSchemaTest, SecretsAreMarkedAndPresentValuesNotShown) {
  Sample sample;
  sample.options.tokens = {"hunter2-hunter2-hunter2"};
  EXPECT_THAT(schema_of(sample.set), HasSubstr(R"("items": {"type": "string"}, "writeOnly": true, "default": []})"));
}

}  // namespace
}  // namespace holdfast
