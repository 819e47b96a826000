#pragma once

namespace holdfast {

// The command line: `serve` and its thin companions. Returns the exit code: 0 ok, 1 failed, 2 usage or configuration.
int run_program(int argc, char** argv);

}  // namespace holdfast
