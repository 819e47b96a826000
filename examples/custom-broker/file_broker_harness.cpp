#include "examples/custom-broker/file_broker_harness.h"

namespace holdfast::broker_test {
namespace {

std::string name(const testing::TestParamInfo<HarnessMaker>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(File, BrokerContract, testing::Values(kFile), name);
INSTANTIATE_TEST_SUITE_P(File, HistoryContract, testing::Values(kFile), name);

}  // namespace
}  // namespace holdfast::broker_test
