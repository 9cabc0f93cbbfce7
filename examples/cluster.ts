// Needs a guest: it boots three clones of one, and the tests run it.
//
// Three machines that serve a page each, and that find each other by name. Ports of this host, from 8081 on, lead to
// them as well. All of them go when the program ends. Set the instance "golden" up first, and stop it (see
// golden-and-clones.ts).
//
//   node cluster.js [GOLDEN] [FIRST-PORT]
import { openStore, type VirtualMachine } from 'multipass-ts';

const [name = 'golden', firstPort = '8081'] = process.argv.slice(2);
const [COUNT, PORT] = [3, 8000];

// What a guest has of the two; it ends with its machine.
const SERVE = `python3 -m http.server ${PORT} || httpd -f -p ${PORT}`;

await using store = openStore();
const golden = await store.get(name);

// All of them or none; `{n}` is the number of each.
const nodes = await golden.cloneMany(COUNT, 'node-{n}', {
  linked: true,
  ephemeral: true,
  forwards: [`${Number(firstPort) - 1}+{n}:${PORT}`],
});
await Promise.all(nodes.map(serve));

for (const { instance, address, hostPort, state } of await store.forwards()) {
  const answer = await fetch(`http://${address}:${hostPort}/`);
  console.log(`${instance}: ${state}, says "${(await answer.text()).trim()}" to this host`);
}

const { mode, problem, guests } = await store.networkStatus();
if (mode === 'user' || problem !== null) {
  console.log(`The machines do not see each other: ${problem?.why ?? 'each has its own network'}.`);
  console.log(problem?.hint ?? 'Set `local.network` to `auto`, and start them again.');
} else {
  for (const { instance, address } of guests) console.log(`${instance} has ${address}`);
  for (const node of nodes) {
    for (const other of nodes) if (other !== node) await ask(node, other.name);
  }
}

/** Starts a node, and a server in it. */
async function serve(node: VirtualMachine): Promise<void> {
  await node.start();
  await node.writeFile('site/index.html', `I am ${node.name}\n`, { parents: true });
  await node.exec(['sh', '-c', `(${SERVE}) >/dev/null 2>&1 &`], { cwd: 'site', check: true });
  await node.waitFor({ port: PORT }, { timeoutMs: 60_000 });
}

/** Has one node ask another one, by its name. */
async function ask(node: VirtualMachine, other: string): Promise<void> {
  const page = `http://${other}:${PORT}/`;
  const { stdout } = await node.exec(['wget', '-q', '-O', '-', page], { check: true });
  console.log(`${node.name} asks ${other}: "${stdout.trim()}"`);
}
