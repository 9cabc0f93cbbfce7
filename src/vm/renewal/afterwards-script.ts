import { PROCESSES } from './processes-script.js';

const CARDS_FILE = '/run/multipass-cards';

/**
 * What is looked at while the old cards are there, for {@link AFTERWARDS}: their names, and where no program configures
 * a card that comes, what keeps the lease of each, word for word, but for the addresses and ids in it.
 */
const BEFORE_THEY_GO = `before=$(sed -n 's/^before machine-id //p' "$said" | head -n 1)
was=$(sed -n 's/^before hostname //p' "$said" | head -n 1)
swap_words() {
  set -- "$(echo "$old" | tr -d :)" "$(echo "$new" | tr -d :)" \\
    "$(echo "$before" | cut -c 1-16)" "$(cut -c 1-16 /etc/machine-id 2>/dev/null)"
  sed "s/^hostname:$was$/hostname:$host/; s/$old/$new/g; s/$1/$2/g\${3:+; s/$3/$4/g}"
}
at=0
: >${CARDS_FILE}
for pair in $macs; do
  old=\${pair%=*} new=\${pair#*=} name=- state=- udhcpc=-
  for card in /sys/class/net/*; do
    [ "$(cat "$card/address" 2>/dev/null)" = "$old" ] && name=\${card##*/} state=$(cat "$card/operstate")
  done
  for process in $(running udhcpc); do
    words_of "$process" | grep -qx -- "$name" || continue
    words_of "$process" | swap_words >${CARDS_FILE}.$at.words
    tr '\\0' '\\n' <"$process/environ" | grep '^[A-Za-z_][A-Za-z0-9_]*=' >${CARDS_FILE}.$at.env
    udhcpc=\${process#/proc/}
  done
  echo "$at $old $new $name $state $udhcpc" >>${CARDS_FILE}
  at=$((at + 1))
done`;

/**
 * What a guest does once it is renewed, while nobody is in it: its services begin again, to be who they are by now; and
 * where no program configures cards that come, they are waited for, and get an address by what asked for the last one.
 */
const AFTERWARDS = `sleep_a_bit() { sleep 0.1 2>/dev/null || sleep 1; }
interface_of() {
  for card in /sys/class/net/*; do
    address=
    read -r address <"$card/address" && [ "$address" = "$1" ] && echo "\${card##*/}" && return
  done 2>/dev/null
}
${PROCESSES}
# Whoever has told us this is still to hear what came of it, and takes the old cards out then.
read -r _ old _ <${CARDS_FILE}
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
  # While they do, there may be a card already.
  {
    for service in ssh sshd; do [ -x "/etc/init.d/$service" ] && "/etc/init.d/$service" restart >/dev/null 2>&1; done
    restart_dropbear
  } &
fi
systemctl is-active -q systemd-networkd 2>/dev/null && exit 0
systemctl is-active -q NetworkManager 2>/dev/null && exit 0

# One that had no lease is the owner's to set up, but for the first: by that we come in.
bring_up() {
  at=$1 new=$2 name=$3 state=$4 udhcpc=$5
  tries=0
  until now=$(interface_of "$new") && [ -n "$now" ]; do
    tries=$((tries + 1))
    [ "$tries" -gt 3000 ] && return
    sleep_a_bit
  done
  [ "$udhcpc" = - ] || kill "$udhcpc" 2>/dev/null
  if [ "$name" != - ] && [ "$now" != "$name" ]; then ip link set "$now" name "$name" && now=$name; fi
  [ "$at" != 0 ] && [ "$state" = down ] || ip link set "$now" up
  if [ "$udhcpc" != - ]; then
    set --
    while IFS= read -r word; do set -- "$@" "$word"; done <${CARDS_FILE}.$at.words
    while IFS= read -r line; do export "$line"; done <${CARDS_FILE}.$at.env
    rm -f ${CARDS_FILE}.$at.words ${CARDS_FILE}.$at.env
    exec "$@"
  fi
  [ "$at" = 0 ] || return
  if command -v ifup >/dev/null; then
    ifdown --force "$now"
    exec ifup "$now"
  fi
  command -v dhclient >/dev/null && exec dhclient "$now"
  exec udhcpc -b -i "$now"
}

while read -r at _ new name state udhcpc; do
  bring_up "$at" "$new" "$name" "$state" "$udhcpc" </dev/null &
done <${CARDS_FILE}
wait
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
  systemd-run --quiet --no-block --collect /bin/sh ${AFTERWARDS_FILE}
else
  setsid /bin/sh ${AFTERWARDS_FILE} >/dev/null 2>&1 &
fi`;
