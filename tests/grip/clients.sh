#!/usr/bin/env bash
# Runs published client libraries' checks against a node: clients.sh SUITES_FOLDER BINARY
set -euo pipefail
suites=$1 binary=$2
work=$(mktemp -d)
trap 'kill $node 2>/dev/null; wait $node 2>/dev/null; rm -rf "$work"' EXIT
command -v node >/dev/null || { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm >/dev/null; }
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$work/holdfast.yaml" <<YAML
listen: [{address: "127.0.0.1:0"}]
control: {http: {address: "127.0.0.1:0"}, grpc: {address: ""}, zmq: {pull: "tcp://127.0.0.1:0", sub: ["tcp://127.0.0.1:0"], command: "tcp://127.0.0.1:0"}}
metrics: {address: "127.0.0.1:0"}
hold: {rerequest: always}
routes: [{path_begins: /, targets: [{address: "127.0.0.1:$port", over_http: true}]}]
YAML
"$binary" serve --config "$work/holdfast.yaml" >"$work/out" 2>"$work/log" &
node=$!
for _ in $(seq 200); do grep -q metrics "$work/out" && break; read -rt 0.05 <> <(:) || :; done
address() { sed -n "s/^ *$1 *//p" "$work/out" | head -1; }
EDGE_URL=$(address clients) CONTROL_URL=$(address publishers) COMMAND_URL=$(sed -n "s/^ *sockets *\(.*\) (command)/\1/p" "$work/out") BACKEND_PORT=$port CLIENTS_HOME=${CLIENTS_HOME:-$PWD/build/clients} \
  SUITES="gripcontrol zmq django_grip django_eventstream grip serve-grip eventstream" "$suites/run.sh" >"$work/results" 2>&1 || failed=1
cat "$work/results"
if [[ -n ${failed:-} ]] || ! grep -q '^PASS' "$work/results"; then
  tail -50 "$work/log"
  exit 1
fi
