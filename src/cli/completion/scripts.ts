/** The shells that there is a script for. */
export const shells = ['bash', 'zsh', 'fish'] as const

/** One of them. */
export type Shell = (typeof shells)[number]

/**
 * What a shell is told once. Each asks `slipway __complete` with the words up to the cursor, and offers files when it knows nothing.
 * That of bash does without what bash 3.2 lacks, which macOS comes with.
 */
export const scriptFor: Readonly<Record<Shell, string>> = {
  bash: `# Completion of slipway for bash.
_slipway() {
  local IFS=$'\\n'
  COMPREPLY=($(slipway __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _slipway slipway
`,
  zsh: `#compdef slipway
# Completion of slipway for zsh.
_slipway() {
  local -a candidates
  candidates=("\${(@f)$(slipway __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$candidates[1]" ]]; then
    compadd -- $candidates
  else
    _files
  fi
}
if [[ "$funcstack[1]" = _slipway ]]; then
  _slipway "$@"
else
  compdef _slipway slipway
fi
`,
  fish: `# Completion of slipway for fish.
function __slipway_complete
    set -l words (commandline --tokenize --current-process --cut-at-cursor)
    set -e words[1]
    set -l current (commandline --current-token --cut-at-cursor)
    set -l candidates (slipway __complete -- $words "$current" 2>/dev/null)
    if set -q candidates[1]
        printf '%s\\n' $candidates
    else
        __fish_complete_path "$current"
    end
end
complete --command slipway --no-files --arguments '(__slipway_complete)'
`,
}
