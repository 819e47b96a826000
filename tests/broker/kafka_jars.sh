#!/usr/bin/env bash
# Fetches the Kafka that the broker tests start (tests/broker/kafka/pom.xml) into a folder: build/kafka/lib by default. Needs maven.
set -euo pipefail
cd "$(dirname "$0")/../.."
lib=$(realpath -m "${1:-build/kafka/lib}")
stamp=$lib/.ready
[[ $stamp -nt tests/broker/kafka/pom.xml ]] && exit 0
rm -rf "$lib"
mkdir -p "$lib"
mvn -q -B -f tests/broker/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$lib"
touch "$stamp"
