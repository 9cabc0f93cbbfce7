/** What the command is for. */
export const ABOUT =
  'Create, clone, control and look after virtual machine instances, each in one folder.';
