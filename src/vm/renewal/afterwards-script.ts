import { PROCESSES } from './processes-script.js';

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
for process in $(running udhcpc); do
  words_of "$process" | grep -qx -- "$name" || continue
  words_of "$process" | swap_words >/run/multipass-udhcpc
  tr '\\0' '\\n' <"$process/environ" | grep '^[A-Za-z_][A-Za-z0-9_]*=' >/run/multipass-udhcpc.env
  udhcpc=\${process#/proc/}
done`;

/**
 * What a guest does once it is renewed, while nobody is in it: its services begin again, to be who they are by now; and
 * where no program configures a card that comes, one is waited for, and gets an address by what asked for the last one.
 */
const AFTERWARDS = `name=$1 old=$2 new=$3 udhcpc=$4
sleep_a_bit() { sleep 0.1 2>/dev/null || sleep 1; }
interface_of() {
  for card in /sys/class/net/*; do
    address=
    read -r address <"$card/address" && [ "$address" = "$1" ] && echo "\${card##*/}" && return
  done 2>/dev/null
}
${PROCESSES}
# Whoever has told us this is still to hear what came of it, and takes the old card out then.
tries=0
while [ -n "$(interface_of "$old")" ] && [ "$tries" -lt 50 ]; do
  tries=$((tries + 1))
  sleep_a_bit
done

restart_dropbear() {
  for process in $(running dropbear); do
    parent=$(sed -n 's/^PPid:[^0-9]*//p' "$process/status")
    # One that serves a connection has the server as its parent.
    [ "$(sed -n 's/^Name:[^a-z]*//p' "/proc/$parent/status" 2>/dev/null)" = dropbear ] && continue
    set --
    for word in $(words_of "$process"); do set -- "$@" "$word"; done
    kill "\${process#/proc/}"
    sleep_a_bit
    "$@"
    return
  done
}

if [ -d /run/systemd/system ]; then
  udevadm control --reload 2>/dev/null
  systemctl try-restart ssh.service sshd.service systemd-networkd.service systemd-journald.service 2>/dev/null
else
  # While it is, there may be a card already.
  {
    for service in ssh sshd; do [ -x "/etc/init.d/$service" ] && "/etc/init.d/$service" restart >/dev/null 2>&1; done
    restart_dropbear
  } &
fi
systemctl is-active -q systemd-networkd 2>/dev/null && exit 0
systemctl is-active -q NetworkManager 2>/dev/null && exit 0

tries=0
until now=$(interface_of "$new") && [ -n "$now" ]; do
  tries=$((tries + 1))
  [ "$tries" -gt 3000 ] && exit 1
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

const AFTERWARDS_FILE = '/run/multipass-afterwards';
/** No line of what is between is this. */
const END = 'END-OF-AFTERWARDS';

/**
 * Begins with what is due afterwards, unless something has failed. Part of the script that renews
 * a guest, whose variables it reads.
 */
export const START_AFTERWARDS = `grep -q '^failed' "$said" && return
${BEFORE_THEY_GO}
cat >${AFTERWARDS_FILE} <<'${END}'
${AFTERWARDS}
${END}
if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
  systemd-run --quiet --no-block --collect /bin/sh ${AFTERWARDS_FILE} "$name" "$old" "$new" "$udhcpc"
else
  setsid /bin/sh ${AFTERWARDS_FILE} "$name" "$old" "$new" "$udhcpc" >/dev/null 2>&1 &
fi`;
