import { asRoot, longScriptAsRoot, type RootScript } from '../guest/as-root.js';

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
 * at the end: {@link AFTERWARDS}.
 *
 * For any Linux with a shell: systemd or not, OpenSSH or dropbear, cloud-init or not.
 */
const RENEW = `host=$1 id=$2 macs=$3 full=$4 now=$5 noise=$6
said=/run/multipass-renewed-$id
[ -s "$said" ] && { cat "$said"; return 0; }
fail() { echo "failed $*"; }

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
  for process in /proc/[0-9]*; do
    tr '\\0' '\\n' <"$process/cmdline" 2>/dev/null | sed -n '1{/dropbear$/!q};/^-r$/{n;p}'
  done | sort -u | grep . || ls /etc/dropbear/dropbear_*_host_key 2>/dev/null
}

dropbear_keys() {
  for file in $(dropbear_files); do
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
  command -v dropbearkey >/dev/null && for file in $(dropbear_files); do
    dropbearkey -y -f "$file" 2>/dev/null | awk '/^(ssh|ecdsa)-/ { print "hostkey", $1, $2 }'
  done
  echo done
} >"$said.new" 2>/dev/null
sync
mv "$said.new" "$said"
cat "$said"
`;

/**
 * What is looked at while the old cards are there, for {@link AFTERWARDS}: the name of the first one, and where no
 * program configures a card that comes, what keeps its lease, word for word, but for the addresses and ids in it.
 */
const BEFORE_THEY_GO = `first=\${macs%% *} old=\${first%=*} new=\${first#*=}
for card in /sys/class/net/*; do
  [ "$(cat "$card/address" 2>/dev/null)" = "$old" ] && name=\${card##*/}
done
before=$(sed -n 's/^before machine-id //p' "$said" | head -n 1)
swap_words() {
  set -- "$(echo "$old" | tr -d :)" "$(echo "$new" | tr -d :)" \\
    "$(echo "$before" | cut -c 1-16)" "$(cut -c 1-16 /etc/machine-id 2>/dev/null)"
  was=$(sed -n 's/^before hostname //p' "$said" | head -n 1)
  sed "s/^hostname:$was$/hostname:$host/; s/$old/$new/g; s/$1/$2/g\${3:+; s/$3/$4/g}"
}
for process in /proc/[0-9]*; do
  [ "$(tr '\\0' '\\n' <"$process/cmdline" 2>/dev/null | head -n 1 | sed 's|.*/||')" = udhcpc ] || continue
  tr '\\0' '\\n' <"$process/cmdline" | grep -qx -- "$name" || continue
  tr '\\0' '\\n' <"$process/cmdline" | swap_words >/run/multipass-udhcpc
  tr '\\0' '\\n' <"$process/environ" | grep '^[A-Za-z_][A-Za-z0-9_]*=' >/run/multipass-udhcpc.env
  udhcpc=\${process#/proc/}
done`;

/**
 * What a guest does once it is renewed, while nobody is in it: its services begin again, to be who they are by now; and
 * where no program configures a card that comes, one is waited for, and gets an address by what asked for the last one.
 */
const AFTERWARDS = `name=$1 new=$2 udhcpc=$3
sleep_a_bit() { sleep 0.2 2>/dev/null || sleep 1; }
# Whoever has told us this is still to hear what came of it.
sleep 1

restart_dropbear() {
  for process in /proc/[0-9]*; do
    [ "$(tr '\\0' '\\n' <"$process/cmdline" 2>/dev/null | head -n 1 | sed 's|.*/||')" = dropbear ] || continue
    parent=$(sed -n 's/^PPid:[^0-9]*//p' "$process/status")
    # One that serves a connection has the server as its parent.
    [ "$(sed -n 's/^Name:[^a-z]*//p' "/proc/$parent/status" 2>/dev/null)" = dropbear ] && continue
    set --
    for word in $(tr '\\0' '\\n' <"$process/cmdline"); do set -- "$@" "$word"; done
    kill "\${process#/proc/}"
    sleep_a_bit
    "$@"
    return
  done
}

if [ -d /run/systemd/system ]; then
  systemctl try-restart ssh.service sshd.service 2>/dev/null
  systemctl try-restart systemd-journald.service systemd-networkd.service 2>/dev/null
  udevadm control --reload 2>/dev/null
else
  for service in ssh sshd; do [ -x "/etc/init.d/$service" ] && "/etc/init.d/$service" restart >/dev/null 2>&1; done
  restart_dropbear
fi
systemctl is-active -q systemd-networkd 2>/dev/null && exit 0
systemctl is-active -q NetworkManager 2>/dev/null && exit 0

interface_of() {
  for card in /sys/class/net/*; do
    [ "$(cat "$card/address" 2>/dev/null)" = "$1" ] && echo "\${card##*/}" && return
  done
}
tries=0
until now=$(interface_of "$new") && [ -n "$now" ]; do
  tries=$((tries + 1))
  [ "$tries" -gt 1500 ] && exit 1
  sleep_a_bit
done
[ -z "$udhcpc" ] || kill "$udhcpc" 2>/dev/null
if [ -n "$name" ] && [ "$now" != "$name" ]; then ip link set "$now" name "$name" && now=$name; fi
ip link set "$now" up
if [ -n "$udhcpc" ]; then
  set --
  while IFS= read -r word; do set -- "$@" "$word"; done </run/multipass-udhcpc
  while IFS= read -r line; do export "$line"; done </run/multipass-udhcpc.env
  rm -f /run/multipass-udhcpc /run/multipass-udhcpc.env
  exec "$@"
elif command -v ifup >/dev/null; then
  ifdown --force "$now"
  exec ifup "$now"
elif command -v dhclient >/dev/null; then
  exec dhclient "$now"
fi
exec udhcpc -b -i "$now"
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

const AFTERWARDS_FILE = '/run/multipass-afterwards';
/** No line of what is between is this. */
const END = 'END-OF-AFTERWARDS';

const START_AFTERWARDS = `grep -q '^failed' "$said" && return
${BEFORE_THEY_GO}
cat >${AFTERWARDS_FILE} <<'${END}'
${AFTERWARDS}
${END}
if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
  systemd-run --quiet --no-block --collect /bin/sh ${AFTERWARDS_FILE} "$name" "$new" "$udhcpc"
else
  setsid /bin/sh ${AFTERWARDS_FILE} "$name" "$new" "$udhcpc" >/dev/null 2>&1 &
fi`;

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
