#!/bin/sh
# Puts the one-file command into ~/.local/bin, with its completions, manual page and licences; needs no root.
#   install.sh                the one that `npm run build:binary` made
#   install.sh --from PLACE   from a folder or a URL (https, file) that has multipass-linux-ARCH and its checksums
# It installs no system programs: it says which are missing.
set -eu

fail() {
  printf 'install: %s\n' "$1" >&2
  exit 1
}

from=
case "${1:-}" in
  '') [ $# -eq 0 ] || fail 'usage: install.sh [--from PLACE]' ;;
  --from) [ $# -eq 2 ] && [ -n "$2" ] || fail 'usage: install.sh [--from PLACE]'; from=$2 ;;
  *) fail 'usage: install.sh [--from PLACE]' ;;
esac
[ -n "$from" ] || from=$(cd "$(dirname "$0")/.." && pwd)/dist
[ -n "${HOME:-}" ] || fail 'HOME is not set'
[ "$(uname -s)" = Linux ] || fail 'this is not Linux'
case "$(uname -m)" in
  x86_64 | amd64) arch=x64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) fail "there is no binary for $(uname -m): use the npm package" ;;
esac
name=multipass-linux-$arch
bin=$HOME/.local/bin
data=${XDG_DATA_HOME:-$HOME/.local/share}

draft=
work=$(mktemp -d)
trap 'rm -rf "$work" ${draft:+"$draft"}' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# fetch FILE: into the folder of work
fetch() {
  case "$from" in
    https://* | file://*)
      if command -v curl >/dev/null; then
        curl -fsSL --proto '=https,file' -o "$work/$1" "${from%/}/$1" || fail "cannot get ${from%/}/$1"
      elif command -v wget >/dev/null && [ "${from#file:}" = "$from" ]; then
        wget -q --https-only -O "$work/$1" "${from%/}/$1" || fail "cannot get ${from%/}/$1"
      else
        fail 'curl is missing: install it, or give a folder'
      fi
      ;;
    *://*) fail "$from: only https and file" ;;
    *) cp -- "${from%/}/$1" "$work/$1" || fail "there is no ${from%/}/$1: npm run build:binary makes it" ;;
  esac
}

fetch "$name.sha256"
fetch "$name"
fetch "$name.licenses.txt"
# Only names that were asked for, and all of them.
for file in "$name" "$name.licenses.txt"; do
  grep -E "^[0-9a-f]{64}  $file\$" "$work/$name.sha256" >"$work/sum" || fail "$name.sha256 has no sum of $file"
  (cd "$work" && sha256sum -c --status sum) || fail "$file is not what $name.sha256 says: nothing was installed"
done

mkdir -p "$bin"
draft=$(mktemp "$bin/.multipass.XXXXXX")
cp "$work/$name" "$draft"
chmod 755 "$draft"
version=$("$draft" version) || fail "$name does not run here: nothing was installed"
# One rename: whoever runs the old one meanwhile keeps it.
mv -f "$draft" "$bin/multipass"
draft=

# put FILE WORD...: what the command says, when it knows that
put() {
  file=$1
  shift
  if "$bin/multipass" "$@" >"$work/text" 2>/dev/null; then
    mkdir -p "$(dirname "$file")"
    cp "$work/text" "$file"
  fi
}
put "$data/bash-completion/completions/multipass" completion bash
put "$data/zsh/site-functions/_multipass" completion zsh
put "$data/fish/vendor_completions.d/multipass.fish" completion fish
put "$data/man/man1/multipass.1" help --man
mkdir -p "$data/doc/multipass-ts"
cp "$work/$name.licenses.txt" "$data/doc/multipass-ts/licenses.txt"

printf 'Installed %s as %s\n' "$(printf '%s' "$version" | tr -s ' ' | head -n 1)" "$bin/multipass"
found=$(command -v multipass || true)
case ":$PATH:" in
  *":$bin:"*)
    [ "$found" = "$bin/multipass" ] || printf 'Before it in PATH is %s\n' "$found"
    ;;
  *) printf 'Add it to PATH: export PATH="$HOME/.local/bin:$PATH"\n' ;;
esac

# PROGRAM=PACKAGE (Debian, Ubuntu); a test holds the programs against what the command knows.
case "$arch" in
  x64) qemu=qemu-system-x86_64=qemu-system-x86 ;;
  arm64) qemu=qemu-system-aarch64=qemu-system-arm ;;
esac
needed="$qemu qemu-img=qemu-utils ssh=openssh-client flock=util-linux xz=xz-utils bwrap=bubblewrap
  sftp-server=openssh-sftp-server"
missing=
PATH=$PATH:/usr/sbin:/sbin:/usr/lib/openssh:/usr/libexec/openssh:/usr/lib/ssh:/usr/lib/misc
for each in $needed; do
  command -v "${each%%=*}" >/dev/null || missing="$missing ${each##*=}"
done
[ -z "$missing" ] || printf 'Still missing, by their names in Debian and Ubuntu:%s\n' "$missing"
