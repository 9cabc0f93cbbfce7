// Needs a guest: it boots one and five clones of it, and the tests run it.
//
// Sets a golden instance up, serves a folder in five linked clones of it side by side, asks each for a page, and brings
// the answers home. One of them is broken on purpose: the others do not notice. Nothing is left at the end; when this
// program is killed, the next command removes all that there was.
//
//   node golden-and-clones.js SITE RESULTS [IMAGE]
//
// SITE is a folder with an `index.html` and a `serve.sh` that serves it and writes a line for each answer:
//
//   exec python3 -u -m http.server 8080 2>&1
import { MultipassError, openStore } from 'multipass-ts';

const [site = 'site', results = 'results', image] = process.argv.slice(2);
const JOBS = ['alpha', 'beta', 'gamma', 'delta', 'broken'];
const PORT = 8080;

await using store = openStore();
await using golden = await store.launch({ image, memory: '512M', ephemeral: true });
await golden.upload(site, 'site', { recursive: true });
await golden.stop();

const outcomes = await Promise.allSettled(JOBS.map((job) => run(job)));
for (const [index, outcome] of outcomes.entries()) {
  const job = JOBS[index] ?? '';
  if (outcome.status === 'fulfilled') console.log(`${job}: ${outcome.value}`);
  else if (job === 'broken') console.log(`${job}: ${tell(outcome.reason)}`);
  else {
    console.error(`${job}: ${tell(outcome.reason)}`);
    process.exitCode = 1;
  }
}

/** One job in a clone of its own, which is purged at the end. @returns the name of the clone */
async function run(job: string): Promise<string> {
  await using vm = await golden.clone(undefined, { linked: true, ephemeral: true, start: true });
  if (job === 'broken') await vm.exec(['rm', 'site/index.html'], { check: true });

  await using server = await vm.spawn(['sh', 'serve.sh'], { cwd: 'site' });
  await vm.waitFor({ port: PORT });
  const page = `http://127.0.0.1:${PORT}/index.html`;
  await vm.exec(['wget', '-q', '-O', 'answer', page], { check: true, timeoutMs: 60_000 });
  for await (const line of server) {
    console.log(`${job} | ${line}`);
    if (/\b200\b/.test(line)) break;
  }
  await vm.download('answer', `${results}/${job}.html`, { parents: true });
  return vm.name;
}

function tell(reason: unknown): string {
  return reason instanceof MultipassError ? `${reason.code}: ${reason.message}` : String(reason);
}
