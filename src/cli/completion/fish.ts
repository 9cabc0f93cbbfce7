/** A blank follows a word only where none of `=:.` ends it: fish sees to that. Nothing is ever evaluated. */
export const FISH_COMPLETION = String.raw`# fish completion for multipass
function __multipass_complete
    set -l words (commandline -opc)
    set -l cur (commandline -ct)
    set -l lines (command multipass __complete -- $words[2..-1] "$cur" 2>/dev/null </dev/null)
    printf '%s\n' $lines[2..-1] | string match -r '^[A-Za-z0-9_.+:=/@,-]+(?:\t.*)?$'
    switch " $lines[1] "
        case '* files *'
            __fish_complete_path (string replace -r '^--[^=]*=' '' -- "$cur")
        case '* folders *'
            __fish_complete_directories (string replace -r '^--[^=]*=' '' -- "$cur")
    end
end

complete -c multipass -f -a '(__multipass_complete)'
`;
