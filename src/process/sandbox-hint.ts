/**
 * What to do where bubblewrap is installed and may not make a world of its own. Ubuntu, from 23.10 on, lets only
 * programs with a profile of AppArmor do that, and has the one for bubblewrap in the package apparmor-profiles.
 */
export const PERMIT_SANDBOX =
  'Let bubblewrap make user namespaces. On Ubuntu 23.10 and later that is: `sudo apt-get install -y ' +
  'apparmor-profiles && sudo cp /usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ && ' +
  'sudo apparmor_parser -r /etc/apparmor.d/bwrap-userns-restrict`';
