#!/usr/bin/env bash
# What guides for Multipass 1.16 have people type, on an instance that does not run. Every line must work.
#   how-to.sh INSTANCE FOLDER      the folder is for files of the host
set -euo pipefail
name=$1 folder=$2

# Complains unless two texts are the same.
same() {
  [ "$1" = "$2" ] || { echo "line ${BASH_LINENO[0]}: '$1' is not '$2'" >&2; exit 1; }
}
# Complains unless a text contains another.
has() {
  case $1 in *"$2"*) ;; *) echo "line ${BASH_LINENO[0]}: no '$2' in '$1'" >&2; exit 1 ;; esac
}

mkdir -p "$folder/tree/sub" "$folder/shared"
echo notes >"$folder/notes.txt"
echo leaf >"$folder/tree/sub/leaf"
echo ours >"$folder/shared/ours"
cd "$folder"

# What there is
has "$(multipass version)" 'multipass   '
has "$(multipass version --format json)" '"multipass": "'
has "$(multipass help)" 'launch'
has "$(multipass help launch)" '--cloud-init'
has "$(multipass list)" "$name"
has "$(multipass list --format json)" "\"name\": \"$name\""
has "$(multipass ls --no-ipv4 --format csv)" "$name,"
has "$(multipass info)" "Name:           $name"
has "$(multipass info "$name" --format yaml)" "$name:"
has "$(multipass networks --format csv)" 'Name,Type,Description'
has "$(multipass find --only-blueprints)" ''
has "$(multipass get --keys)" "local.$name.cpus"
multipass authenticate secret 2>/dev/null
multipass wait-ready 2>/dev/null

# The primary instance
same "$(multipass get client.primary-name)" primary
multipass set client.primary-name="$name"
multipass start
has "$(multipass info --format csv "$name")" "$name,Running"

# Commands in it
same "$(multipass exec "$name" uname)" Linux
same "$(multipass exec "$name" -- uname -s)" Linux
echo hello | multipass exec "$name" -- sh -c 'cat >hello.txt'
same "$(multipass exec -d /tmp "$name" pwd)" /tmp
same "$(multipass exec "$name" --working-directory /usr -- pwd)" /usr
same "$(echo 'cat hello.txt' | multipass shell "$name" | tail -n 1 | tr -d '\r')" hello

# Files
multipass transfer notes.txt "$name":
multipass transfer "$name":notes.txt back.txt
same "$(cat back.txt)" notes
echo piped | multipass transfer - "$name":piped.txt
same "$(multipass transfer "$name":piped.txt -)" piped
multipass transfer -r tree "$name":
multipass transfer --recursive --parents tree "$name":deep/down
multipass copy-files "$name":tree/sub/leaf leaf
same "$(cat leaf)" leaf

# Mounts
multipass mount shared "$name":/home/ubuntu/howto
same "$(multipass exec "$name" -- cat howto/ours)" ours
has "$(multipass info "$name")" '=> /home/ubuntu/howto'
multipass umount "$name":/home/ubuntu/howto
multipass mount --type classic -u "$(id -u)":1000 -g "$(id -g)":1000 shared "$name":again
multipass exec "$name" -- sh -c 'echo theirs >again/theirs'
same "$(cat shared/theirs)" theirs
multipass unmount "$name"

# Aliases
multipass alias "$name":uname 2>/dev/null
same "$(multipass uname)" Linux
same "$(multipass uname -- -s)" Linux
has "$(multipass aliases)" uname
multipass prefer work
multipass alias "$name":hostname host 2>/dev/null
same "$(multipass host)" "$name"
multipass prefer default
same "$(multipass work.host)" "$name"
has "$(multipass aliases --format csv)" 'host,'
multipass unalias uname work.host

# Its life
multipass suspend "$name"
has "$(multipass list --format csv)" "$name,Suspended"
multipass start "$name" --timeout 120
multipass stop --time 10 "$name"
multipass stop --cancel "$name"
multipass stop "$name"
has "$(multipass list --format csv)" "$name,Stopped"

# Its settings
multipass set local."$name".cpus=2
same "$(multipass get local."$name".cpus)" 2
multipass set local."$name".memory=640M
same "$(multipass get local."$name".memory)" 640.0MiB
multipass set local.privileged-mounts=false
multipass set local.privileged-mounts=true

# Snapshots
same "$(multipass snapshot "$name" --name before --comment 'as it was')" "Snapshot taken: $name.before"
has "$(multipass list --snapshots)" 'as it was'
has "$(multipass info "$name".before)" 'Snapshot:       before'
has "$(multipass info --snapshots --format json)" '"before"'
multipass set local."$name".before.comment=better
same "$(multipass get local."$name".before.comment)" better
multipass set local."$name".before.name=fresh
same "$(multipass restore --destructive "$name".fresh)" "Snapshot restored: $name.fresh"
multipass delete --purge "$name".fresh

# Copies, and their end
same "$(multipass clone "$name" --name copy)" "Cloned from $name to copy."
multipass delete copy
has "$(multipass list --format csv)" 'copy,Deleted'
multipass recover copy
multipass delete copy
multipass purge
multipass recover --all
multipass set client.primary-name=primary
multipass stop --all
echo done
