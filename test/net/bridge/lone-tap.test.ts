import { describe, expect } from 'vitest';
import { machineIn, test, type MadeBridge } from './bridge-fixture.js';

const TAP = 'mp0123456789-0';

/** A connection between two machines, one of which is gone, with its card, before the other has told its end. */
const LEAVE_A_CONNECTION = `
one=$1 other=$2
into() { pid=$1; shift; nsenter --target "$pid" --net -- "$@"; }
into $one ip link add near type veth peer name far netns $other
into $one ip addr add 10.9.9.1/24 dev near
into $one ip link set near up
into $other ip addr add 10.9.9.2/24 dev far
into $other ip link set far up
into $other python3 -c '
import socket, time
server = socket.create_server(("10.9.9.2", 5000))
print("ready", flush=True)
connection = server.accept()
time.sleep(2)' >"$3" 2>&1 &
until grep -q ready "$3"; do sleep 0.05; done
into $one python3 -c '
import socket, subprocess
guest = socket.create_connection(("10.9.9.2", 5000))
subprocess.run(["ip", "link", "delete", "near"], check=True)
guest.send(b"x")
guest.close()'
wait`;

describe('layLoneTap', () => {
  test('makes a tap that leads nowhere else, with an address beside that of the guest', async ({
    ns,
    work,
  }) => {
    await using machine = await machineIn(ns);
    await work('layLoneTap', { pid: machine.pid, index: 0, address: '10.9.8.5' });
    const words = ['--target', String(machine.pid), '--net', '--', 'ip', '-brief', 'address'];
    const { stdout } = await ns.run('nsenter', [...words, 'show', 'dev', 'lone0']);
    expect(stdout).toMatch(/^lone0 .* 10\.9\.8\.254\/24/);
  });

  test('lets the namespace go soon after its end, whatever connection is left in it', async ({
    ns,
    folder,
    work,
  }) => {
    const { bridge } = await work<MadeBridge>('ensureBridge', { folder });
    await using other = await machineIn(ns);
    {
      await using ended = await machineIn(ns);
      await work('layCable', { tap: TAP, pid: ended.pid, index: 0 });
      await work('layLoneTap', { pid: ended.pid, index: 0, address: '10.9.8.5' });
      await work('plugIn', { tap: TAP, bridge });
      const said = `${folder}.ready`;
      const pids = [String(ended.pid), String(other.pid)];
      await ns.run('/bin/sh', ['-c', LEAVE_A_CONNECTION, 'sh', ...pids, said]);
    }
    await using machine = await machineIn(ns);
    await work('layCable', { tap: TAP, pid: machine.pid, index: 0 });
    await work('plugIn', { tap: TAP, bridge });
    expect(await work('portsOf', { bridge })).toEqual([TAP]);
  });
});
