// Needs a guest: it boots none itself, but tells of those that others boot, and the tests run it beside some.
//
// Prints what becomes of the instances of the store, a line for each change, until Ctrl-C. Nothing is asked for again
// and again: the kernel tells when something has changed.
//
//   node watch-and-print.js
import { openStore, type StoreEvent } from 'multipass-ts';

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

for await (const event of openStore().watch({ signal: stop.signal })) {
  console.log(`${new Date().toISOString()} ${event.name}: ${tell(event)}`);
}
console.log('done');

function tell(event: StoreEvent): string {
  switch (event.kind) {
    case 'appeared':
      return `is there, ${event.view.state}`;
    case 'changed':
      return event.before.state === event.view.state
        ? `has changed, and is still ${event.view.state}`
        : `was ${event.before.state}, and is ${event.view.state}`;
    case 'renamed':
      return `is the new name of ${event.from}`;
    case 'gone':
      return 'is gone';
  }
}
