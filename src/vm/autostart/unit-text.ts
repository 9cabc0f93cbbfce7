/** What a systemd unit is made of. */
export interface UnitContent {
  /** The words that run our command: absolute paths first. */
  readonly command: readonly string[];
  /** The store's root. */
  readonly store: string;
  /** Where the programs are that our command runs. */
  readonly path: string;
  readonly manager: Manager;
}

/** Whose systemd runs the unit: that of the user, or, for root, that of the system. */
export type Manager = 'user' | 'system';

/** The user's systemd is itself given two minutes to stop (user@.service), and then killed with all that it runs. */
const STOP_LIMIT: Readonly<Record<Manager, string>> = { user: '110s', system: '10min' };
const TARGET: Readonly<Record<Manager, string>> = {
  user: 'default.target',
  system: 'multi-user.target',
};
/** The user's systemd knows nothing of the system's network; that of the system comes up after it. */
const AFTER: Readonly<Record<Manager, string>> = {
  user: '',
  system: 'Wants=network-online.target\nAfter=network-online.target\n',
};

/**
 * The text of a unit that starts instances when its manager starts, and suspends what runs when it stops. The unit is
 * active in between, though nothing of it runs: its QEMUs live on by themselves, and none is killed with it.
 */
export function unitText({ command, store, path, manager }: UnitContent): string {
  const words = command.map(commandWord).join(' ');
  return `# Made by \`multipass autostart install\`, which writes it anew; \`multipass autostart remove\` removes it.
[Unit]
Description=Virtual machines of multipass-ts
${AFTER[manager]}
[Service]
Type=oneshot
RemainAfterExit=yes
KillMode=process
Environment=${quoted(`MULTIPASS_STORAGE=${store}`)}
Environment=${quoted(`PATH=${path}`)}
ExecStart=${words} autostart start
ExecStop=${words} autostart stop
TimeoutStartSec=infinity
TimeoutStopSec=${STOP_LIMIT[manager]}

[Install]
WantedBy=${TARGET[manager]}
`;
}

/** A word of a command line as systemd reads it (systemd.service(5)): a dollar sign begins a variable there. */
function commandWord(word: string): string {
  return quoted(word.replaceAll('$', '$$$$'));
}

/** A text as systemd.syntax(7) takes it: a percent sign begins a specifier. */
function quoted(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('%', '%%')
    .replace(/\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${escaped}"`;
}
