import type { IdMapping, Mount } from '../records/mount.js';
import { shellWord } from '../guest/ssh.js';
import { mountTag } from './mount-tag.js';
import { SHARED } from './sftp-server.js';

/** What the scripts below say on stderr, to be told from what programs say. */
export const GUEST_LACKS = { sshfs: 'sshfs is not installed', user: 'has no user' } as const;

/**
 * sshfs on stdin and stdout, a mode that versions before 3.7.2 call otherwise. What it maps it finds by names, so each
 * guest id is looked up first. What an earlier one left, which lost its connection, is taken off. Links are the guest's
 * to follow, in itself: newer versions would refuse all with `..` in them, lest a server be not trusted.
 */
const SSHFS = `tag=$1 target=$2 user=$3
command -v sshfs >/dev/null || { echo "${GUEST_LACKS.sshfs}" >&2; exit 1; }
name() { { getent "$1" "$2" || grep "^[^:]*:[^:]*:$2:" "/etc/$1"; } 2>/dev/null | head -n 1 | cut -d : -f 1; }
map() {
  for pair in $3; do
    id=\${pair#*:}; [ "$id" = -1 ] && id=$(id "$2" "$user")
    name=$(name "$1" "$id")
    [ -n "$name" ] || { echo "the instance ${GUEST_LACKS.user} or group with the id $id" >&2; return 1; }
    echo "$name:\${pair%%:*}"
  done
}
maps=/run/multipass-$tag
map passwd -u "$4" >"$maps.uid" && map group -g "$5" >"$maps.gid" || exit 1
grep -q "^$tag " /proc/mounts && umount -l "$target"
modprobe fuse 2>/dev/null
knows() { sshfs --help 2>&1 | grep -q -e "$1"; }
mode=slave links=
knows passive && mode=passive
knows no_contain_symlinks && links=,no_contain_symlinks
mkdir -p "$target" &&
exec sshfs :${SHARED} "$target" -f -o "$mode,fsname=$tag,allow_other,default_permissions,\\
idmap=file,uidfile=$maps.uid,gidfile=$maps.gid,nomap=ignore,dcache_timeout=3$links"`;

/** The guest's side of a classic mount, as a shell command. It ends with the connection. */
export function sshfsCommand(mount: Mount, user: string): string {
  const { target, uidMappings, gidMappings } = mount;
  const words = [mountTag(target), target, user, idPairs(uidMappings), idPairs(gidMappings)];
  return `${makeTarget(target)} exec ${asRoot(SSHFS, words)}`;
}

const MOUNT_9P = `tag=$1 target=$2
grep -q "^$tag " /proc/mounts && exit 0
modprobe 9pnet_virtio 2>/dev/null; modprobe 9p 2>/dev/null
mkdir -p "$target" &&
mount -t 9p "$tag" "$target" -o trans=virtio,version=9p2000.L,msize=524288`;

/** Mounts a native share, as a shell command; one that is mounted already stays so. */
export function mount9pCommand({ target }: Mount): string {
  return `${makeTarget(target)} ${asRoot(MOUNT_9P, [mountTag(target), target])}`;
}

/** Exit code 0 when the mount is there. */
export function isMountedCommand(tag: string): string {
  return `grep -q ${shellWord(`^${tag} `)} /proc/mounts`;
}

/** The target is as the guest's table has it, for whoever mounted it elsewhere meanwhile. */
const UNMOUNT = `tag=$1
while target=$(awk -v tag="$tag" '$1 == tag { print $2; exit }' /proc/mounts); [ -n "$target" ]; do
  umount $2 "$(printf '%b' "$target")" || exit 1
done`;

/** Takes a mount off, as a shell command; nothing happens when it is not there. @param lazily also while it is used */
export function unmountCommand(tag: string, lazily: boolean): string {
  return asRoot(UNMOUNT, [tag, lazily ? '-l' : '']);
}

/** A mount's folder belongs to the user where the user may make it; else to root. */
function makeTarget(target: string): string {
  return `mkdir -p ${shellWord(target)} 2>/dev/null;`;
}

function asRoot(script: string, words: readonly string[]): string {
  return `sudo -n sh -c ${shellWord(script)} multipass ${words.map(shellWord).join(' ')}`;
}

function idPairs(mappings: readonly IdMapping[]): string {
  return mappings.map(({ host, guest }) => `${host}:${guest}`).join(' ');
}
