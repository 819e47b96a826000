#!/usr/bin/env bash
# Follows the steps of deploy/docker/Dockerfile's last stage in a fresh Debian 12 and runs the result as Kubernetes would: another user, no
# capabilities, a read-only root. Then the same for the Debian package and the unit. Needs root, debootstrap and the network; no container engine.
# usage: tests/deploy/image.sh [BUILD_FOLDER] [--whole]
# BUILD_FOLDER: default build/release, with the program built. --whole: the first stage's steps too, in a root of its own, which builds all of it.
set -euo pipefail
cd "$(dirname "$0")/../.."
((EUID == 0)) || { echo "debootstrap and chroot need root" >&2; exit 2; }
build=build/release
if [[ $# -gt 0 && $1 != -* ]]; then
  build=$1
  shift
fi
command -v debootstrap >/dev/null || { echo "debootstrap is missing: ./dev setup deploy" >&2; exit 2; }
venv=build/deploy-venv
[[ -x $venv/bin/python ]] || { echo "$venv is not there: tests/deploy/run.sh makes it" >&2; exit 2; }
# What is mounted here is seen by nobody else and gone with the last process.
exec unshare --mount --propagation private "$venv/bin/python" -m pytest -q -p no:cacheprovider --rootdir tests/deploy/image tests/deploy/image \
  --build "$(realpath "$build")" "$@"
