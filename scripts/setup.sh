#!/usr/bin/env bash
# Installs what is missing: the system programs the product and its tests use, and the npm packages of the lock file.
#   setup.sh         everything the tests need
#   setup.sh --run   only what running the product needs, and its build
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A package_of=([qemu-img]=qemu-utils [qemu-io]=qemu-utils [flock]=util-linux [ssh]=openssh-client
  [xz]=xz-utils [bwrap]=bubblewrap)
case "$(uname -m)" in
  aarch64 | arm64) package_of+=([qemu-system-aarch64]=qemu-system-arm) ;;
  *) package_of+=([qemu-system-x86_64]=qemu-system-x86) ;;
esac
# What is no program, by its path.
declare -A package_of_file=()
if [ "${1:-}" != --run ]; then
  package_of+=([strace]=strace [xorriso]=xorriso [genisoimage]=genisoimage [script]=bsdutils
    [mkfs.xfs]=xfsprogs [mkfs.btrfs]=btrfs-progs [mkfs.ext4]=e2fsprogs [bindfs]=bindfs [groff]=groff-base
    [zsh]=zsh [fish]=fish)
  # Networks of the tests
  package_of+=([dnsmasq]=dnsmasq-base [nft]=nftables [iptables]=iptables [ip]=iproute2 [tcpdump]=tcpdump
    [sysctl]=procps [ssh-keygen]=openssh-client [slirp4netns]=slirp4netns [curl]=curl
    [pasta]=passt [rootlesskit]=rootlesskit [newuidmap]=uidmap [strace]=strace)
  # Registries of the tests
  package_of+=([docker-registry]=docker-registry [htpasswd]=apache2-utils [skopeo]=skopeo [umoci]=umoci)
  # What other engines take, and another host of the tests
  package_of+=([virt-xml-validate]=libvirt-clients [xmllint]=libxml2-utils [sshd]=openssh-server)
  # Another engine at work, as a daemon of the tests' own
  package_of+=([libvirtd]=libvirt-daemon [setpriv]=util-linux)
  # And one whose daemon is root's; elsewhere a package of this name fetches a snap.
  if [ "$(id -u)" -eq 0 ] && grep -qx 'ID=debian' /etc/os-release 2>/dev/null; then
    package_of+=([lxd]=lxd [lxc]=lxd-client)
  fi
  # Guests of the tests, see fixtures/guests
  package_of+=([mmdebstrap]=mmdebstrap [sfdisk]=fdisk [cpio]=cpio [zstd]=zstd [busybox]=busybox-static
    [dropbear]=dropbear-bin [dropbearkey]=dropbear-bin [modprobe]=kmod [depmod]=kmod [unshare]=util-linux)
  package_of_file+=([/usr/lib/openssh/sftp-server]=openssh-sftp-server)
  if [ "$(uname -m)" = x86_64 ]; then
    package_of+=([grub-mkimage]=grub-common)
    package_of_file+=([/usr/lib/grub/i386-pc/boot.img]=grub-pc-bin)
  fi
fi

export PATH="$PATH:/usr/sbin:/sbin"
missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
if [ "${1:-}" != --run ] && ! command -v libvirtd >/dev/null; then
  # Its driver is a package of its own, in a folder that has the architecture in its name.
  missing+=(libvirt-daemon-driver-qemu)
fi
for file in "${!package_of_file[@]}"; do
  [ -e "$file" ] || missing+=("${package_of_file[$file]}")
done
if [ "${1:-}" != --run ] && ldd "$(command -v busybox)" >/dev/null 2>&1; then
  # The one of the package busybox needs libraries, which a guest's RAM disk has not.
  missing+=(busybox-static)
fi
python=/usr/bin/python3
[ -x "$python" ] || python=python3
if [ "${1:-}" != --run ] && ! "$python" -c 'import yaml' 2>/dev/null; then
  # Cloud-init reads YAML with PyYAML: the tests ask that very reader.
  missing+=(python3 python3-yaml)
fi

sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)

if [ "${#missing[@]}" -gt 0 ]; then
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
  if ! command -v apt-get >/dev/null; then
    echo "Please install the equivalents of these packages, then try again: ${missing[*]}" >&2
    exit 1
  fi
  echo "Installing ${missing[*]} ..." >&2
  "${sudo[@]}" apt-get update -qq
  # The tests start their own servers: those of the packages shall not listen here, neither now nor after a reboot.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap '"${sudo[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
    "${sudo[@]}" chmod 755 "$policy"
  fi
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends "${missing[@]}" >/dev/null
  for package in "${missing[@]}"; do
    case "$package" in
      openssh-server) units=(ssh.service ssh.socket) ;;
      docker-registry) units=(docker-registry.service) ;;
      lxd) units=(lxd.service lxd.socket lxd-containers.service lxcfs.service) ;;
      *) continue ;;
    esac
    ! command -v systemctl >/dev/null || "${sudo[@]}" systemctl disable --quiet "${units[@]}" 2>/dev/null || true
  done
fi

# As udev has it: whoever makes a network of their own makes taps in it. Where there is no udev, it is root's alone.
if [ "${1:-}" != --run ] && [ -c /dev/net/tun ] && [ "$(stat -c %a /dev/net/tun)" != 666 ]; then
  "${sudo[@]}" chmod 666 /dev/net/tun
fi

if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --no-audit --no-fund
fi
if [ "${1:-}" = --run ]; then
  npm run --silent build
fi
if [ "${1:-}" != --run ]; then
  # Kept in the user's cache folder; made by root, for their files belong to others.
  for guest in tiny cloud; do
    "${sudo[@]}" env HOME="$HOME" XDG_CACHE_HOME="${XDG_CACHE_HOME:-$HOME/.cache}" \
      bash fixtures/guests/build.sh "$guest" >/dev/null
  done
fi
