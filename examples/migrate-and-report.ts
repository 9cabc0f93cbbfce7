// Needs no guest: the tests run it.
//
// Brings the instances of an old Multipass over, and reports as JSON what became of each. Exits with 1 when something
// did not come over; it can be run again then, and leaves alone what is there already.
//
//   node migrate-and-report.js [--dry-run] [FOLDER]
import { parseArgs } from 'node:util';
import { MultipassError, openStore } from 'multipass-ts';

const { values, positionals } = parseArgs({
  options: { 'dry-run': { type: 'boolean', default: false } },
  allowPositionals: true,
});
const [from] = positionals;
const store = openStore();

try {
  const { report, complete } = await store.migrate({
    from,
    dryRun: values['dry-run'],
    work: { onWarning: (warning) => console.error(`warning: ${warning}`) },
  });
  const instances = report.instances.map(({ name, action, reason, snapshots, bytes }) => {
    return { name, action, reason, snapshots, mebibytes: Math.round(bytes / 1024 ** 2) };
  });
  console.log(JSON.stringify({ store: store.root, dryRun: report.dryRun, instances }, null, 2));
  for (const problem of report.errors) console.error(problem);
  if (!complete) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof MultipassError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  if (error.hint !== undefined) console.error(error.hint);
  process.exitCode = 1;
}
