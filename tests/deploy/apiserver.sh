#!/usr/bin/env bash
# Installs, upgrades, tests and removes the chart at a real API server (etcd, kube-apiserver and kube-controller-manager, built from their Go modules):
# admission with the restricted Pod Security Standard, the custom kinds by their own definitions, roll-outs by the real controllers. A kubelet is
# only played: Pods are ready when the program takes their configuration. The first run builds for some ten minutes.
# usage: tests/deploy/apiserver.sh [HOLDFAST] [pytest options]
set -euo pipefail
cd "$(dirname "$0")/../.."
holdfast=build/release/holdfast
if [[ $# -gt 0 && $1 != -* ]]; then
  holdfast=$1
  shift
fi
venv=$PWD/build/deploy-venv helm=$PWD/build/tools/helm work=$PWD/build/apiserver
[[ -x $venv/bin/python && -x $helm ]] || { echo "tests/deploy/run.sh makes what is needed: run it first" >&2; exit 2; }

version=$(sed -n 's/^\tk8s.io\/kubernetes v//p' tests/deploy/apiserver/go.mod)
if [[ ! -x $work/kube-apiserver || tests/deploy/apiserver/go.mod -nt $work/kube-apiserver ]]; then
  mkdir -p "$work"
  cp tests/deploy/apiserver/{go.mod,tools.go} "$work"
  echo "building etcd and Kubernetes $version"
  (
    cd "$work"
    go mod tidy -e 2>tidy.log || { tail tidy.log >&2; exit 1; }
    go build -mod=mod -trimpath -ldflags "-s -w" -o etcd go.etcd.io/etcd/server/v3
    stamp=k8s.io/component-base/version
    IFS=. read -r major minor _ <<<"$version"
    for program in kube-controller-manager kube-apiserver; do
      go build -mod=mod -trimpath -ldflags "-s -w -X $stamp.gitVersion=v$version -X $stamp.gitMajor=$major -X $stamp.gitMinor=$minor" \
        -o "$program" "k8s.io/kubernetes/cmd/$program"
    done
  )
fi

# Modules that carry the definitions of the custom kinds.
definitions=()
for module in sigs.k8s.io/gateway-api@v1.2.1 github.com/prometheus-operator/prometheus-operator@v0.80.1 github.com/kedacore/keda/v2@v2.16.1; do
  definitions+=("$(cd "$work" && go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')")
done

APISERVER=$work DEFINITIONS=$(IFS=:; echo "${definitions[*]}") HELM=$helm HOLDFAST=$(realpath "$holdfast") \
  exec "$venv/bin/python" -m pytest -q -p no:cacheprovider --rootdir tests/deploy/apiserver tests/deploy/apiserver "$@"
