#compdef slipway
# slipway completion zsh: put  source <(slipway completion zsh)  into ~/.zshrc, after compinit
_slipway() {
  local -a lines described
  local line
  lines=("${(@f)$(slipway __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "${lines[@]}"; do
    [[ -n $line ]] && described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done
  if (( ${#described} )); then
    _describe slipway described
  else
    _files
  fi
}
if [[ ${funcstack[1]} == _slipway ]]; then
  _slipway "$@"
else
  compdef _slipway slipway
fi
