/** Shells that can complete. */
export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** What teaches a shell to complete `slipway`: it asks `slipway __complete`, and offers files where that has nothing to say. */
export const scripts: Readonly<Record<Shell, string>> = {
  bash: `# slipway completion bash: put  source <(slipway completion bash)  into ~/.bashrc
_slipway() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(slipway __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _slipway slipway
`,
  zsh: `#compdef slipway
# slipway completion zsh: put  source <(slipway completion zsh)  into ~/.zshrc, after compinit
_slipway() {
  local -a lines described
  local line
  lines=("\${(@f)$(slipway __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "\${lines[@]}"; do
    [[ -n $line ]] && described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( \${#described} )); then
    _describe slipway described
  else
    _files
  fi
}
if [[ \${funcstack[1]} == _slipway ]]; then
  _slipway "$@"
else
  compdef _slipway slipway
fi
`,
  fish: `# slipway completion fish: slipway completion fish > ~/.config/fish/completions/slipway.fish
function __slipway_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l current (commandline -ct)
    set -l found (slipway __complete -- $words "$current" 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path "$current"
    end
end
complete -c slipway -f -a '(__slipway_complete)'
`,
}
