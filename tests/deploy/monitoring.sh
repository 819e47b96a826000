#!/usr/bin/env bash
# What Prometheus and Grafana are given, held to a real node's scrape: monitoring.sh [BINARY]. Needs promtool (Debian's package prometheus).
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${1:-build/dev/holdfast}")
files=deploy/helm/holdfast/files
work=$(mktemp -d)
trap 'kill "$node_pid" 2>/dev/null || true; rm -rf "$work"' EXIT

cat >"$work/holdfast.yaml" <<'YAML'
listen: [{address: "127.0.0.1:0"}]
control: {http: {address: "127.0.0.1:0"}, grpc: {address: ""}}
metrics: {address: "127.0.0.1:0"}
YAML
coproc node { exec "$binary" serve --config "$work/holdfast.yaml" 2>"$work/log"; }
node_pid=$node_PID
while read -r -t 20 -u "${node[0]}" name url; do
  [[ $name != metrics ]] || break
done
[[ $name == metrics ]] || { cat "$work/log" >&2; exit 1; }
curl -fsS "$url" >"$work/scrape"

echo "promtool check metrics"
promtool check metrics <"$work/scrape"
echo "promtool check rules"
promtool check rules "$files/alerts.yaml"
echo "promtool test rules"
promtool test rules tests/deploy/alerts_test.yaml
python3 tests/deploy/dashboards.py "$work/scrape"
