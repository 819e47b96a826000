#!/usr/bin/env bash
# Installs, upgrades, tests and removes the chart at a real API server (etcd and kube-apiserver, built from their Go modules; no kubelet): admission
# with the restricted Pod Security Standard, and the custom kinds by their own definitions. The first run builds for some ten minutes.
# usage: tests/deploy/apiserver.sh [pytest options]
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=$PWD/build/deploy-venv helm=$PWD/build/tools/helm work=$PWD/build/apiserver
[[ -x $venv/bin/python && -x $helm ]] || { echo "tests/deploy/run.sh makes what is needed: run it first" >&2; exit 2; }

version=$(sed -n 's/^\tk8s.io\/kubernetes v//p' tests/deploy/apiserver/go.mod)
if [[ ! -x $work/kube-apiserver || tests/deploy/apiserver/go.mod -nt $work/kube-apiserver ]]; then
  mkdir -p "$work"
  cp tests/deploy/apiserver/{go.mod,tools.go} "$work"
  echo "building etcd and kube-apiserver $version"
  (
    cd "$work"
    go mod tidy -e 2>tidy.log || { tail tidy.log >&2; exit 1; }
    go build -mod=mod -trimpath -ldflags "-s -w" -o etcd go.etcd.io/etcd/server/v3
    stamp=k8s.io/component-base/version
    IFS=. read -r major minor _ <<<"$version"
    go build -mod=mod -trimpath -ldflags "-s -w -X $stamp.gitVersion=v$version -X $stamp.gitMajor=$major -X $stamp.gitMinor=$minor" \
      -o kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
  )
fi

# Modules that carry the definitions of the custom kinds.
definitions=()
for module in sigs.k8s.io/gateway-api@v1.2.1 github.com/prometheus-operator/prometheus-operator@v0.80.1 github.com/kedacore/keda/v2@v2.16.1; do
  definitions+=("$(cd "$work" && go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')")
done

APISERVER=$work DEFINITIONS=$(IFS=:; echo "${definitions[*]}") HELM=$helm HOLDFAST=none \
  exec "$venv/bin/python" -m pytest -q -p no:cacheprovider --rootdir tests/deploy/apiserver tests/deploy/apiserver "$@"
