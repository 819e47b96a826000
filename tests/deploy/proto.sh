#!/usr/bin/env bash
# The control API as it is described: the proto's style, that it breaks no caller of the committed baseline, a live node asked by grpcurl, and
# held to its own OpenAPI document by schemathesis. Needs go and python3.
# usage: tests/deploy/proto.sh [BINARY]       tests/deploy/proto.sh --baseline: makes the baseline anew (at a release)
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$PWD/build/tools
binary=${1:-build/release/holdfast}

tool() {
  [[ -x $tools/$1 ]] || GOBIN=$tools go install "$2"
}
tool buf github.com/bufbuild/buf/cmd/buf@v1.75.0
tool grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4

if [[ ! -x $tools/schemathesis/bin/schemathesis ]]; then
  python3 -m venv "$tools/schemathesis"
  "$tools/schemathesis/bin/pip" -q install --disable-pip-version-check schemathesis==4.32.5
fi

if [[ $binary == --baseline ]]; then
  "$tools/buf" build -o proto/baseline.binpb
  exit
fi

echo "buf lint"
"$tools/buf" lint
echo "buf breaking, against proto/baseline.binpb"
"$tools/buf" breaking --against proto/baseline.binpb

echo "grpcurl on a live node"
work=$(mktemp -d)
node=
trap '[[ -z $node ]] || { kill "$node" && wait "$node" || true; }; rm -rf "$work"' EXIT
cat >"$work/holdfast.yaml" <<'YAML'
listen: [{address: "127.0.0.1:0"}]
control: {http: {address: "127.0.0.1:0"}, grpc: {address: "127.0.0.1:0"}}
metrics: {address: "127.0.0.1:0"}
drain: {window: 100ms}
YAML
mkfifo "$work/out"
"$binary" serve --config "$work/holdfast.yaml" >"$work/out" 2>"$work/log" &
node=$!
exec 3<"$work/out"
address= http=
while read -r -t 30 line <&3; do
  [[ $line == *grpc* ]] && address=${line##* }
  [[ $line == *publishers* ]] && http=${line##* }
  [[ $line == *metrics* ]] && break
done
[[ -n $address ]] || { cat "$work/log" >&2; exit 1; }

call() { "$tools/grpcurl" -plaintext -max-time 10 "$@"; }
expect() { grep -q -- "$1" <<<"$2" || { echo "expected $1 in: $2" >&2; exit 1; }; }
expect holdfast.control.v1.Control "$(call "$address" list)"
expect PublishStream "$(call "$address" list holdfast.control.v1.Control)"
expect 'rpc Publish ' "$(call "$address" describe holdfast.control.v1.Control)"
expect '"h1\.' "$(call -d '{"items":[{"channel":"news","httpStream":{"content":"hello"}}]}' "$address" holdfast.control.v1.Control/Publish)"
expect 'InvalidArgument.*\|items\[0\].channel: empty' "$(call -d '{"items":[{"httpStream":{"content":"hello"}}]}' "$address" holdfast.control.v1.Control/Publish 2>&1 || true)"
expect DURABILITY_PROCESS "$(call -d '{"sequence":1,"items":[{"channel":"news","httpStream":{"content":"x"}}]}' "$address" holdfast.control.v1.Control/PublishStream)"
expect '"asked": 1' "$(call -d '{"channel":"news"}' "$address" holdfast.control.v1.Control/Channel)"
for operation in Channels Connections Nodes Recover; do call "$address" "holdfast.control.v1.Control/$operation" >/dev/null; done
expect NotFound "$(call -d '{"id":"nobody"}' "$address" holdfast.control.v1.Control/Disconnect 2>&1 || true)"
# gRPC's own health service is not among what reflection can describe.
cat >"$work/health.proto" <<'PROTO'
syntax = "proto3";
package grpc.health.v1;
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse { enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; } ServingStatus status = 1; }
service Health { rpc Check(HealthCheckRequest) returns (HealthCheckResponse); }
PROTO
expect '"SERVING"' "$(call -import-path "$work" -proto health.proto -d '{"service":"holdfast.control.v1.Control"}' "$address" grpc.health.v1.Health/Check)"

echo "schemathesis on a live node"
# Not the events, which do not end; nor the drain, of a node whose id it finds out.
"$tools/schemathesis/bin/schemathesis" run "$http/v1/openapi.json" --url "$http" --exclude-path '/v1/channels/{channel}/items' \
  --exclude-path '/v1/nodes/{id}/drain' --seed 1 --max-examples 25 --max-time 45 \
  --request-timeout 10 --suppress-health-check all --no-color --report-dir "$work/report" \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance >"$work/schemathesis" ||
  { cat "$work/schemathesis" "$work/log"; exit 1; }
tail -3 "$work/schemathesis"
echo "good"
