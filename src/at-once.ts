/**
 * Does the same to many things, several at once.
 * @throws what the first failure throws, when those under way have ended; no further one is begun then
 */
export async function atOnce<Item>(
  items: Iterable<Item>,
  most: number,
  act: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  let problem: { readonly error: unknown } | undefined;
  const takeAll = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) {
      if (problem !== undefined) return;
      try {
        await act(next.value);
      } catch (error) {
        problem ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: most }, takeAll));
  if (problem !== undefined) throw problem.error;
}
