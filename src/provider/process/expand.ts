const reference = /\$(?:\$|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g

/**
 * Replaces `$NAME` and `${NAME}` by their values. Names that are not among the values stay as they are, since no shell reads the text;
 * `$$` is a dollar sign.
 *
 * @example
 * expand('http://$HOST:${PORT}/$$x', { PORT: '80' }) // 'http://$HOST:80/$x'
 */
export function expand(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(reference, (whole: string, bare: string | undefined, braced: string | undefined) => {
    const name = bare ?? braced
    if (name === undefined) return '$'
    return Object.hasOwn(values, name) ? (values[name] ?? whole) : whole
  })
}
