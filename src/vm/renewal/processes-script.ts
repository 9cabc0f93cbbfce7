/**
 * Finds processes, without one of its own for each that there is: that takes most of the time where a processor is
 * emulated. A shell reads no zero bytes, so the first look is only at how the words begin.
 */
export const PROCESSES = `words_of() { tr '\\0' '\\n' <"$1/cmdline" 2>/dev/null; }

# The folders in /proc of the processes of a program.
running() {
  for process in /proc/[0-9]*; do
    line=
    read -r line <"$process/cmdline"
    case $line in "$1"* | */"$1"*) ;; *) continue ;; esac
    [ "$(words_of "$process" | sed -n '1{s|.*/||;p;q}')" = "$1" ] && echo "$process"
  done 2>/dev/null
}`;
