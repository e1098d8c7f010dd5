# slipway completion fish: slipway completion fish > ~/.config/fish/completions/slipway.fish
function __slipway_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l current (commandline -ct)
    set -l found (slipway __complete -- $words "$current" 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path "$current"
    end
end
complete -c slipway -f -a '(__slipway_complete)'
