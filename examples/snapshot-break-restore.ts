// Needs a guest: it boots one twice, and the tests run it.
//
// Takes a snapshot of an instance, breaks something in it, and goes back. What was broken stays to be looked at, as a
// snapshot of its own.
//
//   node snapshot-break-restore.js NAME
import { openStore } from 'multipass-ts';

const SNAPSHOT = 'before-the-break';
const PRECIOUS = '/etc/os-release';

const [name = 'golden'] = process.argv.slice(2);
const vm = await openStore().get(name);

// Snapshots are taken of stopped instances, and restored to such.
if (vm.state !== 'Stopped') await vm.stop();
await vm.snapshot({ name: SNAPSHOT, comment: 'all is well' });

await vm.start();
await vm.exec(['rm', PRECIOUS], { user: 'root', check: true });
console.log(`after the break: ${await contents()}`);
await vm.stop();

await vm.restore(SNAPSHOT, {
  keepsPresent: true,
  onSnapshot: (record) => console.log(`the broken state is kept as ${name}.${record.name}`),
});

await vm.start();
console.log(`after the restore: ${await contents()}`);
await vm.stop();
for (const { record, parent } of vm.snapshots()) console.log(record.name, '<-', parent ?? '--');

async function contents(): Promise<string> {
  const { exitCode, stdout } = await vm.exec(['head', '-n', '1', PRECIOUS]);
  return exitCode === 0 ? stdout.trim() : `${PRECIOUS} is gone`;
}
