// Needs a guest: it boots one, so the tests check its types and do not run it.
//
// Sets a golden instance up once, and runs a job in several linked clones of it side by side. Each clone is purged at
// the end of its job, and none is left when this program is killed: the next command removes them.
//
//   node golden-and-clones.js [IMAGE]
import { MultipassError, openStore, type VirtualMachine } from 'multipass-ts';

const GOLDEN = 'golden';
const JOBS = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'];

await using store = openStore();
const golden = await goldenInstance(process.argv[2]);
const results = await Promise.allSettled(JOBS.map(async (job) => run(golden, job)));

for (const [index, result] of results.entries()) {
  const said = result.status === 'fulfilled' ? result.value : String(result.reason);
  console.log(`${JOBS[index] ?? ''}: ${said}`);
}
if (results.some(({ status }) => status === 'rejected')) process.exitCode = 1;

/** The instance that all are cloned from: stopped, and made when it is not there yet. */
async function goldenInstance(image: string | undefined): Promise<VirtualMachine> {
  try {
    return await store.get(GOLDEN);
  } catch (error) {
    if (!(error instanceof MultipassError) || error.code !== 'INSTANCE_NOT_FOUND') throw error;
  }
  const made = await store.launch({ name: GOLDEN, image });
  try {
    await made.exec(['sh', '-c', 'echo 1.0 >/etc/app-version'], { user: 'root', check: true });
    await made.stop();
    return made;
  } catch (error) {
    // Half set up it would be taken for the golden one the next time.
    await made.stop({ force: true });
    await made.purge();
    throw error;
  }
}

/** One job in a clone of its own. */
async function run(source: VirtualMachine, job: string): Promise<string> {
  await using vm = await source.clone(undefined, { linked: true, ephemeral: true, start: true });
  const script = 'echo "$JOB on $(hostname), version $(cat /etc/app-version)"';
  const { stdout } = await vm.exec(['sh', '-c', script], {
    env: { JOB: job },
    timeoutMs: 60_000,
    check: true,
  });
  return stdout.trim();
}
