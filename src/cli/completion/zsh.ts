/** Works both as a file of $fpath and when it is sourced. Nothing is ever evaluated. */
export const ZSH_COMPLETION = String.raw`#compdef multipass
compdef _multipass multipass

_multipass() {
  local -a lines names shown
  local line name beside
  local -a given=("\${(@Q)words[2,CURRENT-1]}")
  lines=("\${(@f)$(command multipass __complete -- "\${given[@]}" "\${(Q)PREFIX}" 2>/dev/null </dev/null)}")
  beside=" \${lines[1]} "
  for line in "\${(@)lines[2,-1]}"; do
    name=\${line%%$'\t'*}
    [[ -n $name && $name != *[^A-Za-z0-9_.+:=/@,-]* ]] || continue
    names+=("$name")
    if [[ $line == *$'\t'* ]]; then shown+=("$name  -- \${line#*$'\t'}"); else shown+=("$name"); fi
  done

  local -a end=()
  [[ $beside == *' nospace '* ]] && end=(-S '')
  if [[ "\${names[*]}" == "\${shown[*]}" ]]; then
    compadd "\${end[@]}" -a names
  else
    compadd "\${end[@]}" -l -d shown -a names
  fi
  case $beside in
    *' files '*) compset -P '*='; _files ;;
    *' folders '*) compset -P '*='; _files -/ ;;
  esac
}

if [ "$funcstack[1]" = _multipass ]; then _multipass "$@"; fi
`.replaceAll('\\$', '$');
