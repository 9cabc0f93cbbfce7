/**
 * For bash from 3.2 on, which has neither mapfile nor compopt. Bash breaks words at `:` and `=`: they are put together
 * for the call, and what is replaced of the last one is what stands behind its last break. Nothing is ever evaluated.
 */
export const BASH_COMPLETION = String.raw`# bash completion for multipass
_multipass() {
  local rest=\${COMP_LINE:0:COMP_POINT} words=() count=0 at word
  for ((at = 0; at <= COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    if [[ $at -eq 0 || $rest == [[:blank:]]* || -z $rest && -z $word ]]; then
      rest=\${rest#"\${rest%%[![:blank:]]*}"}
      words[count]=''
      count=$((count + 1))
    fi
    if [[ $at -eq $COMP_CWORD ]]; then word=$rest; fi
    words[count - 1]+=$word
    rest=\${rest#"$word"}
  done

  local cur=\${words[count - 1]} head='' breaks=''
  [[ $COMP_WORDBREAKS == *:* ]] && breaks+=:
  [[ $COMP_WORDBREAKS == *=* ]] && breaks+==
  [[ -n $breaks ]] && head=\${cur%"\${cur##*[$breaks]}"}

  local LC_ALL=C beside='' tab=$'\t'
  COMPREPLY=()
  {
    IFS= read -r beside
    while IFS= read -r word; do
      word=\${word%%"$tab"*}
      case $word in
        '' | *[!A-Za-z0-9_.+:=/@,-]*) ;;
        *) COMPREPLY+=("\${word#"$head"}") ;;
      esac
    done
  } < <(command multipass __complete -- "\${words[@]:1}" 2>/dev/null </dev/null)

  local what=''
  case " $beside " in
    *' files '*) what=-f ;;
    *' folders '*) what=-d ;;
  esac
  if [[ -n $what ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen $what -- "\${cur#"$head"}")
  fi
  if [[ " $beside " == *' nospace '* && " $beside " != *' files '* ]]; then
    compopt -o nospace 2>/dev/null
  fi
}

complete -F _multipass multipass
`.replaceAll('\\$', '$');
