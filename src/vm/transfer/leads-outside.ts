/**
 * Whether a link that a guest has in a tree would lead out of the tree's copy on this host: an absolute one does, and
 * one that goes up further than it is deep. It may go up at its beginning alone: behind the name of another link, `..`
 * is wherever that leads.
 * @param depth folders between the top of the tree and the link
 */
export function leadsOutside(target: Buffer, depth: number): boolean {
  const names = target.toString('latin1').split('/');
  if (names[0] === '') return true;
  const steps = names.filter((name) => name !== '' && name !== '.');
  const up = steps.findIndex((name) => name !== '..');
  const ups = up < 0 ? steps.length : up;
  return ups > depth || steps.slice(ups).includes('..');
}
