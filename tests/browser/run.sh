#!/usr/bin/env bash
# A real browser against a node: run.sh [BINARY]. Installs Debian's Chromium and Node.js, and two npm packages into build/browser.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
binary=$(realpath "${1:-$root/build/dev/holdfast}")
if ! command -v chromium >/dev/null || ! command -v npm >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium nodejs npm >/dev/null
fi
work=$root/build/browser
mkdir -p "$work"
if ! cmp -s "$here/package.json" "$work/package.json" || [[ ! -d $work/node_modules ]]; then
  cp "$here/package.json" "$work/"
  (cd "$work" && npm install --no-audit --no-fund --ignore-scripts --silent)
fi
cp "$here"/*_test.mjs "$work/"
for test in browser status; do
  HOLDFAST_BIN=$binary node "$work/${test}_test.mjs"
done
