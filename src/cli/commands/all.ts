import type { Command, MakeCommands } from '../command.js';
import { adopt } from './adopt.js';
import { aliasCommand } from './alias.js';
import { aliases } from './aliases.js';
import { autostart } from './autostart.js';
import { clone } from './clone.js';
import { completeCommand } from './complete.js';
import { completionCommand } from './completion.js';
import { consoleCommand } from './console.js';
import { connectPort } from './connect-port.js';
import { copy } from './copy.js';
import { deleteCommand } from './delete.js';
import { doctor } from './doctor.js';
import { endLiveCommand } from './end-live.js';
import { exec } from './exec.js';
import { exportCommand } from './export.js';
import { find } from './find.js';
import { flatten } from './flatten.js';
import { forward } from './forward.js';
import { forwards } from './forwards.js';
import { get } from './get.js';
import { helpCommand } from './help.js';
import { image } from './image.js';
import { importCommand } from './import.js';
import { info } from './info.js';
import { launch } from './launch.js';
import { list } from './list.js';
import { logs } from './logs.js';
import { migrate } from './migrate.js';
import { mount } from './mount.js';
import { network } from './network.js';
import { networks } from './networks.js';
import { authenticate, waitReady } from './no-service.js';
import { prefer } from './prefer.js';
import { pull } from './pull.js';
import { purge } from './purge.js';
import { push } from './push.js';
import { recover } from './recover.js';
import { rename } from './rename.js';
import { restart } from './restart.js';
import { restore } from './restore.js';
import { set } from './set.js';
import { shell } from './shell.js';
import { snapshot } from './snapshot.js';
import { sshConfig } from './ssh-config.js';
import { start } from './start.js';
import { stop } from './stop.js';
import { suspend } from './suspend.js';
import { to } from './to.js';
import { transfer } from './transfer.js';
import { tree } from './tree.js';
import { umount } from './umount.js';
import { unalias } from './unalias.js';
import { version } from './version.js';

/** Every command, in the order of the help. */
export const allCommands: MakeCommands = (helpOf) => {
  const commands: Command[] = [
    adopt,
    aliasCommand(() => commands),
    aliases,
    authenticate,
    autostart,
    clone,
    completionCommand,
    consoleCommand,
    copy,
    deleteCommand,
    doctor,
    exec,
    exportCommand,
    find,
    flatten,
    forward,
    forwards,
    get,
    helpCommand(helpOf, () => commands),
    image,
    importCommand,
    info,
    launch,
    list,
    logs,
    migrate,
    mount,
    network,
    networks,
    prefer,
    pull,
    purge,
    push,
    recover,
    rename,
    restart,
    restore,
    set,
    shell,
    snapshot,
    sshConfig,
    start,
    stop,
    suspend,
    to,
    transfer,
    tree,
    umount,
    unalias,
    version,
    waitReady,
    completeCommand(() => commands),
    connectPort,
    endLiveCommand,
  ];
  return commands;
};
