/** Files that are on their way at once: most are small, and a connection takes its time for each. */
export const FILES_AT_ONCE = 8;
