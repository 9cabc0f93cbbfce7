/** Whoever has this in his vendor-data has the hook; also what cloud-init-per remembers it by. */
export const HOOK_NAME = 'multipass-machine-id';

/**
 * Run by cloud-init at every boot, on any guest with a POSIX shell. It is a boothook, and not a `bootcmd`, which a
 * user's own `bootcmd` would replace. The comments are for who finds it in the guest. No single quotes inside: the
 * whole is one argument.
 */
export const MACHINE_ID_HOOK = `#cloud-boothook
#!/bin/sh
# A copy of a machine gets a machine-id of its own, at its first boot. cloud-init-per remembers that it was done when
# it is over: a boot that is cut short does it again.
exec cloud-init-per instance ${HOOK_NAME} /bin/sh -euc '
# cloud-init keeps a folder for each instance that a disk has been. With a single one this is no copy.
set -- /var/lib/cloud/instances/*/
[ $# -gt 1 ] || exit 0

# What systemd makes too: a random uuid without hyphens. Its own program would take the old id from the file of D-Bus,
# and leave none while it works.
id=$(tr -d - < /proc/sys/kernel/random/uuid)
[ \${#id} -eq 32 ]

# Made beside, put on the disk, then renamed: there is no moment without a whole machine-id.
umask 022
echo "$id" > /etc/machine-id.new
chmod 444 /etc/machine-id.new
sync /etc/machine-id.new || sync
mv -f /etc/machine-id.new /etc/machine-id

# D-Bus has a file of its own on some systems: it would bring the old id back.
if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then
  ln -sf /etc/machine-id /var/lib/dbus/machine-id.new
  mv -f /var/lib/dbus/machine-id.new /var/lib/dbus/machine-id
fi

# It made its DHCP identifiers from the old id. Not waited for, since this boot waits for us; no matter without it.
systemctl --no-block try-restart systemd-networkd.service || :
'
`;
