#!/usr/bin/env bash
# Checks the Helm chart: lint, golden files, schemas of three Kubernetes versions, wrong values, and every configuration that it makes against
# the program itself. usage: tests/deploy/run.sh [HOLDFAST] [--update] [pytest options]
# HOLDFAST: the program; default build/release/holdfast. --update writes the golden files.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

holdfast=build/release/holdfast
if [[ $# -gt 0 && $1 != -* ]]; then
  holdfast=$1
  shift
fi
[[ -x $holdfast ]] || { echo "$holdfast is not there: cmake --preset release && cmake --build --preset release --target holdfast" >&2; exit 2; }

helm=$root/build/tools/helm
if [[ ! -x $helm ]]; then
  command -v go >/dev/null || { echo "Helm is built with go, which is not there" >&2; exit 2; }
  echo "building Helm (about two minutes)"
  GOBIN=$root/build/tools go install helm.sh/helm/v3/cmd/helm@v3.22.0
fi

venv=build/deploy-venv
if [[ ! -f $venv/.ready || tests/deploy/requirements.txt -nt $venv/.ready ]]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" -q install --disable-pip-version-check -r tests/deploy/requirements.txt
  touch "$venv/.ready"
fi

HELM=$helm HOLDFAST=$(realpath "$holdfast") exec "$venv/bin/python" -m pytest -q -p no:cacheprovider --rootdir tests/deploy --ignore tests/deploy/image --ignore tests/deploy/apiserver tests/deploy "$@"
