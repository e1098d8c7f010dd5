/** PostgreSQL's text has no NUL; it becomes what stands for what can't be shown. */
export function bindable(value: unknown): unknown {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\u{fffd}') : value
}
