import { asRoot, longScriptAsRoot, type RootScript } from '../guest/as-root.js';
import { START_AFTERWARDS } from './afterwards-script.js';
import { PROCESSES } from './processes-script.js';

/** What a guest is to be from now on, and what it was. */
export interface NewSelf {
  /** The instance's name, which is its hostname. */
  readonly hostname: string;
  /** What cloud-init calls the machine by. */
  readonly instanceId: string;
  /** The MAC addresses of its cards, each with the one that it has now. */
  readonly macs: readonly { readonly old: string; readonly new: string }[];
  /** Whether cloud-init is to do a first boot; else nothing of the user's runs again. */
  readonly isFull: boolean;
}

/**
 * Gives a guest a self of its own, and says in lines what came of it: `before` and `now` of its `machine-id`, each
 * public `hostkey`, and `failed` with the step and the reason. What it does is done once: told again it says the same
 * again. Its cards are another's still; what waits for the new ones, and lets the services see who they are, is started
 * at the end: {@link START_AFTERWARDS}.
 *
 * For any Linux with a shell: systemd or not, OpenSSH or dropbear, cloud-init or not.
 */
const RENEW = `host=$1 id=$2 macs=$3 full=$4 now=$5 noise=$6
said=/run/multipass-renewed-$id
[ -s "$said" ] && { cat "$said"; return 0; }
fail() { echo "failed $*"; }
${PROCESSES}

clock() {
  rtc=$(cat /sys/class/rtc/rtc0/since_epoch 2>/dev/null)
  # The clock of the machine has gone on; it counts where it says about the same.
  [ "\${rtc:-0}" -ge "$now" ] && [ "$rtc" -le $((now + 120)) ] && now=$rtc
  date -u -s "@$now" >/dev/null 2>&1 || fail "clock: date does not set it"
}

entropy() {
  printf %s "$noise" >/dev/urandom || fail "entropy: /dev/urandom takes none"
  seed=/var/lib/systemd/random-seed
  [ ! -e "$seed" ] || dd if=/dev/urandom of="$seed" bs=512 count=1 2>/dev/null || fail "entropy: $seed stays"
}

# What a network is configured by names its card.
cards() {
  for pair in $macs; do
    old=\${pair%=*} new=\${pair#*=}
    for file in /etc/netplan/* /run/netplan/* /etc/systemd/network/* /run/systemd/network/* /run/udev/rules.d/* \\
      /etc/network/interfaces /etc/network/interfaces.d/* /etc/NetworkManager/system-connections/* \\
      /run/NetworkManager/system-connections/* /etc/udev/rules.d/* /etc/sysconfig/network-scripts/ifcfg-*; do
      [ -f "$file" ] && grep -qi "$old" "$file" || continue
      sed -i "s/$old/$new/gI" "$file" || fail "cards: $file stays"
    done
  done
}

hostname_of_its_own() {
  old=$(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)
  echo "before hostname $old"
  echo "$host" >/etc/hostname || fail "hostname: /etc/hostname stays"
  hostname "$host" 2>/dev/null || echo "$host" >/proc/sys/kernel/hostname || fail "hostname: the kernel refuses it"
  [ -f /etc/hosts ] || return
  awk -v old="$old" -v new="$host" '{
    for (i = 2; i <= NF; i++) {
      if ($i == old) $i = new
      else if (index($i, old ".") == 1) $i = new substr($i, length(old) + 1)
    }
    print
  }' /etc/hosts >/run/multipass-hosts && cat /run/multipass-hosts >/etc/hosts || fail "hostname: /etc/hosts stays"
  rm -f /run/multipass-hosts
}

machine_id() {
  [ -s /etc/machine-id ] || return
  echo "before machine-id $(cat /etc/machine-id)"
  tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id.new && chmod 444 /etc/machine-id.new &&
    mv /etc/machine-id.new /etc/machine-id || fail "machine-id: /etc/machine-id stays"
  other=/var/lib/dbus/machine-id
  if [ -f "$other" ] && [ ! -L "$other" ]; then ln -sf /etc/machine-id "$other"; fi
  echo "now machine-id $(cat /etc/machine-id)"
}

openssh_keys() {
  for file in /etc/ssh/ssh_host_*_key; do
    [ -f "$file" ] || continue
    kind=\${file#/etc/ssh/ssh_host_} kind=\${kind%_key}
    { rm -f "$file" "$file.pub"; ssh-keygen -q -t "$kind" -N '' -C "root@$host" -f "$file" </dev/null ||
      fail "hostkeys: $file"; } &
  done
  wait
}

# The key files of the dropbear that runs, or those that it has by default.
dropbear_files() {
  for process in $(running dropbear); do
    words_of "$process" | sed -n '/^-r$/{n;p}'
  done | sort -u | grep . || ls /etc/dropbear/dropbear_*_host_key 2>/dev/null
}

dropbear_keys() {
  dropbear_files=$(dropbear_files)
  for file in $dropbear_files; do
    kind=$(dropbearkey -y -f "$file" 2>/dev/null |
      sed -n 's/^ssh-\\([a-z0-9]*\\) .*/\\1/p; s/^ecdsa-.*/ecdsa/p' | head -n 1)
    rm -f "$file"
    dropbearkey -t "\${kind:-ed25519}" -f "$file" >/dev/null 2>&1 || fail "hostkeys: $file"
  done
}

hostkeys() {
  openssh_keys
  command -v dropbearkey >/dev/null && dropbear_keys
}

instance_id() {
  cloud=/var/lib/cloud
  [ -s $cloud/data/instance-id ] || return
  old=$(cat $cloud/data/instance-id)
  if [ -d "$cloud/instances/$old" ] && [ ! -e "$cloud/instances/$id" ]; then
    cp -a "$cloud/instances/$old" "$cloud/instances/$id" || fail "instance-id: $cloud/instances stays"
    rm -f "$cloud/instances/$id/obj.pkl"
  fi
  link=$(readlink $cloud/instance)
  [ -z "$link" ] || ln -sfn "\${link%/*}/$id" $cloud/instance || fail "instance-id: $cloud/instance stays"
  echo "$old" >$cloud/data/previous-instance-id
  echo "$id" >$cloud/data/instance-id || fail "instance-id: $cloud/data stays"
  for file in /run/cloud-init/.instance-id /run/cloud-init/*.json; do
    [ -f "$file" ] && sed -i "s/$old/$id/g" "$file"
  done
}

# All of a first boot but for what wants a network: that comes when there is one.
first_boot() {
  command -v cloud-init >/dev/null || { fail "full: there is no cloud-init"; return; }
  rm -f /run/cloud-init/.instance-id /var/lib/cloud/instance
  { cloud-init init --local && cloud-init init; } >/dev/null 2>&1 </dev/null || fail "full: cloud-init init failed"
}

{
  clock
  entropy
  cards
  machine_id
  if [ "$full" = 1 ]; then
    first_boot
  else
    hostname_of_its_own
    hostkeys
    instance_id
  fi
  for file in /etc/ssh/ssh_host_*_key.pub; do
    [ -f "$file" ] && awk '{ print "hostkey", $1, $2 }' "$file"
  done
  command -v dropbearkey >/dev/null && for file in \${dropbear_files-$(dropbear_files)}; do
    dropbearkey -y -f "$file" 2>/dev/null | awk '/^(ssh|ecdsa)-/ { print "hostkey", $1, $2 }'
  done
  echo done
} >"$said.new" 2>/dev/null
sync
mv "$said.new" "$said"
cat "$said"
`;

/** Says who a guest is: in lines, as {@link RENEW} does. */
const WHO = `echo "hostname $(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)"
[ -s /etc/machine-id ] && echo "machine-id $(cat /etc/machine-id)"
[ -s /var/lib/cloud/data/instance-id ] && echo "instance-id $(cat /var/lib/cloud/data/instance-id)"
for card in /sys/class/net/*; do echo "mac $(cat "$card/address")"; done
echo "clock $(date +%s)"
echo done`;

/** The rest of a first boot, which may want the network. */
const FIRST_BOOT_ON_NETWORK = `{ cloud-init modules --mode=config && cloud-init modules --mode=final; } \\
  >/dev/null 2>&1 </dev/null`;

function pairs({ macs }: NewSelf): string {
  return macs.map((mac) => `${mac.old}=${mac.new}`).join(' ');
}

/**
 * Has a guest become somebody else, say what came of it and who it is by then, and begin with what is due afterwards;
 * nothing of that begins when it has failed.
 * @param noise of the host's, for its random numbers
 */
export function renewScript(self: NewSelf, noise: string): RootScript {
  const now = String(Math.floor(Date.now() / 1000));
  const words = [self.hostname, self.instanceId, pairs(self), self.isFull ? '1' : '0', now, noise];
  return longScriptAsRoot([RENEW, WHO, START_AFTERWARDS].join('\n'), words);
}

/** The command of {@link WHO}. */
export function whoCommand(): string {
  return asRoot(WHO, []);
}

/** The command of {@link FIRST_BOOT_ON_NETWORK}. */
export function firstBootCommand(): string {
  return asRoot(FIRST_BOOT_ON_NETWORK, []);
}
