/** What the user of a clone that goes on from another's memory should know of it, in sentences. */
export function warmWarnings({ warm = false }: { readonly warm?: boolean | undefined }): string[] {
  if (!warm) return [];
  return [
    'what is in memory is the same as in the source: keys and tokens that programs hold, their sessions, ' +
      'and the seeds of their random numbers, and until a reboot the uuid that the firmware tells. Restart ' +
      'what depends on that (docs/security.md)',
  ];
}
